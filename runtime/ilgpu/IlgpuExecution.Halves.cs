using ILGPU;
using Specializer.Ilgpu.Kernels;

namespace Specializer.Ilgpu;

internal sealed partial class IlgpuExecution
{
    /// <summary>Maps of the last normalisation that lie in the working memory in FP16 as well: until an operation writes over such a map, or takes the working memory.</summary>
    private readonly List<HalfMap> _halves = new(2);

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

    /// <param name="Map">Where it lies in FP32.</param>
    /// <param name="Elements">Of an image.</param>
    /// <param name="Words">FP16, two a word.</param>
    private readonly record struct HalfMap(Activation Map, long Elements, ArrayView<int> Words);
}
