using ILGPU;
using Specializer.Ilgpu.Intrinsics;

namespace Specializer.Ilgpu.Kernels;

internal struct HalfMapArguments
{
    public int Batch, Pixels, Channels;
    public BatchView<float> X;
    /// <summary>[image][pixel][channels padded to 8], two a word.</summary>
    public ArrayView<int> Halves;
}

/// <summary>What half precision adds: the conversion of a map, and the plain convolution. <see cref="TensorConvolution"/> is the fast one.</summary>
internal static class HalfConvolution
{
    public static void HalfLiteral<TShape>(ConvolutionArguments a) where TShape : struct, IConvolutionShape => Run(a, default(TShape));

    public static void HalfDynamic(ConvolutionArguments a) => Run(a, a.Shape);

    /// <summary>Too few input channels would fill a step of the multiplication with zeros.</summary>
    public static bool Fits(ConvolutionDimensions s) => s.InputChannels >= 8 && s.OutputChannels >= 16;

    /// <summary>Words of a pixel: whole pieces of 16 bytes.</summary>
    public static int PixelWords(int channels) => (channels + 7) / 8 * 4;

    /// <summary>Words of a tap of an output's weights: whole steps of 64 bytes.</summary>
    public static int TapWords(int channels) => (channels + 31) / 32 * 16;

    public static long Items(ConvolutionDimensions s, int batch) => (long)batch * s.OutputHeight * s.OutputWidth * s.OutputChannels;

    /// <summary>An item is a word.</summary>
    public static void Convert(HalfMapArguments a)
    {
        int words = PixelWords(a.Channels), image = a.Pixels * words;
        for (int item = Share.Start; item < a.Batch * image; item += Share.Step)
        {
            int channel = item % words * 2, pixel = item / words % a.Pixels, word = 0;
            if (channel < a.Channels)
            {
                ArrayView<float> x = a.X.Image(item / image).SubView((long)pixel * a.Channels + channel);
                float second = 0f;
                if (channel + 1 < a.Channels) second = x[1];
                word = DeviceHalf.Pack(x[0], second);
            }

            a.Halves[item] = word;
        }
    }

    /// <summary>An item is an output channel of a pixel. Panels hold the rows that tensor cores read.</summary>
    private static void Run<TShape>(ConvolutionArguments a, TShape shape)
        where TShape : struct, IConvolutionShape
    {
        int channels = shape.OutputChannels, words = PixelWords(shape.InputChannels), tapWords = TapWords(shape.InputChannels), pixels = a.Batch * shape.OutputHeight * shape.OutputWidth;
        for (int item = Share.Start; item < pixels * channels; item += Share.Step)
        {
            int channel = item % channels;
            OutputPixel at = OutputPixel.Of(shape, item / channels);
            long weights = (long)channel * shape.KernelSize * shape.KernelSize * tapWords;
            float sum = 0f;
            for (int row = 0; row < shape.KernelSize; row++)
                for (int column = 0; column < shape.KernelSize; column++, weights += tapWords)
                {
                    int input = at.Input(shape, row, column);
                    if (input < 0) continue;
                    for (int word = 0; word < words; word++)
                    {
                        int x = a.Q.Elements[(long)at.Image * a.Q.Stride + input * words + word], w = a.Panels[weights + word];
                        sum = ExactMath.FusedMultiplyAdd(DeviceHalf.Low(x), DeviceHalf.Low(w), sum);
                        sum = ExactMath.FusedMultiplyAdd(DeviceHalf.High(x), DeviceHalf.High(w), sum);
                    }
                }

            a.Finish(shape, at, channel, sum);
        }
    }
}
