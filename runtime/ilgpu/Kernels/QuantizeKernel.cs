using ILGPU;

namespace Specializer.Ilgpu.Kernels;

internal struct QuantizeArguments
{
    public MapDimensions Shape;
    public int Batch;
    public BatchView<float> X;
    /// <summary>Four elements a word.</summary>
    public BatchView<int> Q;
    public AffineQuantizer Quantizer;
}

/// <summary>Quantizes a map. An item is a word of four channels; channels that only fill it up become 0.</summary>
internal static class QuantizeKernel
{
    public static void Literal<TShape>(QuantizeArguments a) where TShape : struct, IMapShape => Run(a, default(TShape));

    public static void Dynamic(QuantizeArguments a) => Run(a, a.Shape);

    private static void Run<TShape>(QuantizeArguments a, TShape shape)
        where TShape : struct, IMapShape
    {
        int channels = shape.Channels, groups = (channels + 3) / 4, words = shape.Height * shape.Width * groups;
        for (int item = Share.Start; item < a.Batch * words; item += Share.Step)
        {
            int image = item / words, word = item % words, pixel = word / groups, channel = word % groups * 4;
            if (channels % 4 == 0)
            {
                // 16 bytes a load.
                Quad<float> four = a.X.Quads(image, word);
                a.Q.Image(image)[word] = a.Quantizer.Round(four.A) | a.Quantizer.Round(four.B) << 8 | a.Quantizer.Round(four.C) << 16 | a.Quantizer.Round(four.D) << 24;
                continue;
            }

            ArrayView<float> x = a.X.Image(image).SubView((long)pixel * channels);
            int q = a.Quantizer.Round(x[channel]);
            if (channel + 1 < channels) q |= a.Quantizer.Round(x[channel + 1]) << 8;
            if (channel + 2 < channels) q |= a.Quantizer.Round(x[channel + 2]) << 16;
            if (channel + 3 < channels) q |= a.Quantizer.Round(x[channel + 3]) << 24;
            a.Q.Image(image)[word] = q;
        }
    }
}
