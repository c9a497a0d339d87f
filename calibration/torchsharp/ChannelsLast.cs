using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Specializer.Calibration.TorchSharp;

/// <summary>Between this project's dense NHWC arrays and libtorch's tensors: NCHW by index, with channels last in memory, so that nothing is reordered.</summary>
internal static class ChannelsLast
{
    /// <summary>A tensor [n, c, h, w].</summary>
    public static Tensor ToTensor(ReadOnlySpan<float> values, int height, int width, int channels, torch.Device device)
    {
        Tensor tensor = empty([values.Length / (height * width * channels), height, width, channels], ScalarType.Float32, CPU);
        MemoryMarshal.AsBytes(values).CopyTo(tensor.bytes);
        return tensor.to(device).permute(0, 3, 1, 2);
    }

    /// <summary>Copies a tensor [n, c, h, w] out.</summary>
    public static void CopyTo(this Tensor tensor, Span<float> destination)
    {
        using DisposeScope scope = NewDisposeScope();
        MemoryMarshal.Cast<byte, float>(tensor.permute(0, 2, 3, 1).contiguous().cpu().bytes).CopyTo(destination);
    }
}
