using ILGPU;
using Specializer.Ilgpu.Kernels;

namespace Specializer.Ilgpu;

internal sealed partial class IlgpuExecution
{
    /// <summary>Maps of the last normalisation that lie in the working memory in FP16 as well: until an operation writes over such a map, or takes the working memory.</summary>
    private readonly List<HalfMap> _halves = new(2);

    /// <summary>An FP32 map in the arena.</summary>
    private BatchView<float> Floats(Activation map, long elements, Access access) => At<float>(map, elements * sizeof(float), access);

    /// <summary>A quantized map in the arena. Here an element is one byte whatever the shape's element size; the plan has room for it.</summary>
    private BatchView<int> Integers(Activation map, long pixels, int channels, Access access) => At<int>(map, pixels * ((channels + 3) & ~3), access);

    /// <summary>All access to the arena: what is written is known here.</summary>
    private BatchView<T> At<T>(Activation map, long bytesPerImage, Access access)
        where T : unmanaged
    {
        (long start, long stride) = Place(map, bytesPerImage, _memory.MapBytes);
        if (access == Access.Write) ForgetHalves(map, bytesPerImage);
        return new() { Elements = _memory.Arena.SubView(start, Capacity * stride).Cast<T>(), Stride = checked((int)(stride / 4)) };
    }

    /// <summary>Memory for one operation, which overwrites what was there.</summary>
    private ArrayView<byte> Working(long bytes)
    {
        _halves.Clear();
        return _memory.Working(bytes);
    }

    /// <summary>An FP32 map in FP16, [image][pixel][channels padded to 8]: converted once, not once a tap and block of outputs; and not at all where its normalisation has done that.</summary>
    private ArrayView<int> Halves(Activation map, int pixels, int channels, BatchView<float> x)
    {
        foreach (HalfMap half in _halves)
            if (half.Map == map && half.Elements == (long)pixels * channels && channels % 8 == 0) return half.Words;
        long words = (long)Batch * pixels * HalfConvolution.PixelWords(channels);
        ArrayView<int> converted = Working(words * sizeof(int)).Cast<int>();
        Launch(HalfConvolution.Convert, words, new HalfMapArguments { Batch = Batch, Pixels = pixels, Channels = channels, X = x, Halves = converted });
        return converted;
    }

    private void ForgetHalves(Activation map, long bytes)
    {
        for (int i = _halves.Count - 1; i >= 0; i--)
            if (map.Offset < _halves[i].Map.Offset + 4 * _halves[i].Elements && _halves[i].Map.Offset < map.Offset + bytes) _halves.RemoveAt(i);
    }

    /// <summary>What an operation does with a map.</summary>
    private enum Access
    {
        Read,
        Write,
    }

    /// <param name="Map">Where it lies in FP32.</param>
    /// <param name="Elements">Of an image.</param>
    /// <param name="Words">FP16, two a word.</param>
    private readonly record struct HalfMap(Activation Map, long Elements, ArrayView<int> Words);
}
