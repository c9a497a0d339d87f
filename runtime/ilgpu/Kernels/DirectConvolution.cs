using Specializer.Ilgpu.Intrinsics;

namespace Specializer.Ilgpu.Kernels;

/// <summary>Convolution for any shape on any device, straight from the packed panels: no shared memory, no barrier. Four pixels by four
/// output channels an item, with dp4a where the device has it. Tensor cores take the large shapes (<see cref="TensorConvolution"/>).</summary>
internal static class DirectConvolution
{
    public static void IntegerLiteral<TShape>(ConvolutionArguments a) where TShape : struct, IConvolutionShape => Integer(a, default(TShape));

    public static void IntegerDynamic(ConvolutionArguments a) => Integer(a, a.Shape);

    public static void FloatLiteral<TShape>(ConvolutionArguments a) where TShape : struct, IConvolutionShape => Float(a, default(TShape));

    public static void FloatDynamic(ConvolutionArguments a) => Float(a, a.Shape);

    /// <summary>Items of a launch.</summary>
    public static long Items(ConvolutionDimensions s, int batch) =>
        ((long)batch * s.OutputHeight * s.OutputWidth + 3) / 4 * ((s.OutputChannels + 15) / 16 * 4);

    private static void Integer<TShape>(ConvolutionArguments a, TShape shape)
        where TShape : struct, IConvolutionShape
    {
        int quads = (shape.OutputChannels + 15) / 16 * 4, pixels = a.Batch * shape.OutputHeight * shape.OutputWidth, groups = (shape.InputChannels + 3) / 4;
        int blockWords = shape.WeightBits == 8 ? 16 : 8, padding = a.ZeroPoint | a.ZeroPoint << 8 | a.ZeroPoint << 16 | a.ZeroPoint << 24;
        for (int item = Share.Start; item < (pixels + 3) / 4 * quads; item += Share.Step)
        {
            int quad = item % quads, first = item / quads * 4;
            if (quad * 4 >= shape.OutputChannels) continue;
            OutputPixel p0 = OutputPixel.Of(shape, first), p1 = OutputPixel.Of(shape, Math.Min(first + 1, pixels - 1));
            OutputPixel p2 = OutputPixel.Of(shape, Math.Min(first + 2, pixels - 1)), p3 = OutputPixel.Of(shape, Math.Min(first + 3, pixels - 1));

            // A block is 16 outputs by 4 inputs; in 4 bits its words hold outputs 0–7 in the low and 8–15 in the high nibbles.
            int within = shape.WeightBits == 8 ? quad % 4 * 4 : quad % 2 * 4, shift = quad / 2 % 2 * 4;
            long at = (long)(quad / 4) * shape.KernelSize * shape.KernelSize * groups * blockWords + within;
            IntegerTile sums = default;
            for (int row = 0; row < shape.KernelSize; row++)
                for (int column = 0; column < shape.KernelSize; column++)
                {
                    int i0 = p0.Input(shape, row, column), i1 = p1.Input(shape, row, column), i2 = p2.Input(shape, row, column), i3 = p3.Input(shape, row, column);
                    for (int group = 0; group < groups; group++, at += blockWords)
                    {
                        var w = new Quad<int> { A = a.Panels[at], B = a.Panels[at + 1], C = a.Panels[at + 2], D = a.Panels[at + 3] };
                        if (shape.WeightBits == 4)
                            w = new() { A = Nibbles(w.A >> shift), B = Nibbles(w.B >> shift), C = Nibbles(w.C >> shift), D = Nibbles(w.D >> shift) };
                        sums.Add(Word(a, p0, i0, groups, group, padding), Word(a, p1, i1, groups, group, padding),
                            Word(a, p2, i2, groups, group, padding), Word(a, p3, i3, groups, group, padding), w);
                    }
                }

            Finish(a, shape, p0, quad * 4, sums.Row0);
            if (first + 1 < pixels) Finish(a, shape, p1, quad * 4, sums.Row1);
            if (first + 2 < pixels) Finish(a, shape, p2, quad * 4, sums.Row2);
            if (first + 3 < pixels) Finish(a, shape, p3, quad * 4, sums.Row3);
        }
    }

    private static void Float<TShape>(ConvolutionArguments a, TShape shape)
        where TShape : struct, IConvolutionShape
    {
        int quads = (shape.OutputChannels + 15) / 16 * 4, pixels = a.Batch * shape.OutputHeight * shape.OutputWidth, channels = shape.InputChannels;
        for (int item = Share.Start; item < (pixels + 3) / 4 * quads; item += Share.Step)
        {
            int quad = item % quads, first = item / quads * 4;
            if (quad * 4 >= shape.OutputChannels) continue;
            OutputPixel p0 = OutputPixel.Of(shape, first), p1 = OutputPixel.Of(shape, Math.Min(first + 1, pixels - 1));
            OutputPixel p2 = OutputPixel.Of(shape, Math.Min(first + 2, pixels - 1)), p3 = OutputPixel.Of(shape, Math.Min(first + 3, pixels - 1));
            long at = (long)(quad / 4) * shape.KernelSize * shape.KernelSize * channels * 16 + quad % 4 * 4;
            FloatTile sums = default;
            for (int row = 0; row < shape.KernelSize; row++)
                for (int column = 0; column < shape.KernelSize; column++)
                {
                    int i0 = p0.Input(shape, row, column), i1 = p1.Input(shape, row, column), i2 = p2.Input(shape, row, column), i3 = p3.Input(shape, row, column);
                    for (int c = 0; c < channels; c++, at += 16)
                        sums.Add(Value(a, p0, i0, channels, c), Value(a, p1, i1, channels, c), Value(a, p2, i2, channels, c), Value(a, p3, i3, channels, c),
                            Weights(a, shape, at));
                }

            Finish(a, shape, p0, quad * 4, sums.Row0);
            if (first + 1 < pixels) Finish(a, shape, p1, quad * 4, sums.Row1);
            if (first + 2 < pixels) Finish(a, shape, p2, quad * 4, sums.Row2);
            if (first + 3 < pixels) Finish(a, shape, p3, quad * 4, sums.Row3);
        }
    }

    /// <summary>Four weights, from a multiple of four on.</summary>
    private static Quad<float> Weights<TShape>(ConvolutionArguments a, TShape shape, long at)
        where TShape : struct, IConvolutionShape
    {
        if (shape.WeightBits == 32) return new() { A = a.FloatPanels[at], B = a.FloatPanels[at + 1], C = a.FloatPanels[at + 2], D = a.FloatPanels[at + 3] };
        int low = a.Panels[at / 2], high = a.Panels[at / 2 + 1];
        return new() { A = DeviceHalf.Low(low), B = DeviceHalf.High(low), C = DeviceHalf.Low(high), D = DeviceHalf.High(high) };
    }

    private static int Word(ConvolutionArguments a, OutputPixel pixel, int input, int groups, int group, int padding) =>
        input < 0 ? padding : a.Q.Elements[(long)pixel.Image * a.Q.Stride + input * groups + group];

    private static float Value(ConvolutionArguments a, OutputPixel pixel, int input, int channels, int channel) =>
        input < 0 ? 0f : a.X.Elements[(long)pixel.Image * a.X.Stride + input * channels + channel];

    /// <summary>The low nibbles of four bytes as signed bytes: from 8 on they are negative, so bits 4 to 7 are set. By shifts: a product would
    /// leave the range of an int, for which OpenCL promises nothing.</summary>
    private static int Nibbles(int word)
    {
        int sign = (word & 0x08080808) << 1;
        sign |= sign << 1;
        return word & 0x0F0F0F0F | sign | sign << 2;
    }

    private static void Finish<TShape>(ConvolutionArguments a, TShape shape, OutputPixel pixel, int channel, Quad<int> sums)
        where TShape : struct, IConvolutionShape
    {
        a.Finish(shape, pixel, channel, sums.A);
        if (channel + 1 < shape.OutputChannels) a.Finish(shape, pixel, channel + 1, sums.B);
        if (channel + 2 < shape.OutputChannels) a.Finish(shape, pixel, channel + 2, sums.C);
        if (channel + 3 < shape.OutputChannels) a.Finish(shape, pixel, channel + 3, sums.D);
    }

    private static void Finish<TShape>(ConvolutionArguments a, TShape shape, OutputPixel pixel, int channel, Quad<float> sums)
        where TShape : struct, IConvolutionShape
    {
        a.Finish(shape, pixel, channel, sums.A);
        if (channel + 1 < shape.OutputChannels) a.Finish(shape, pixel, channel + 1, sums.B);
        if (channel + 2 < shape.OutputChannels) a.Finish(shape, pixel, channel + 2, sums.C);
        if (channel + 3 < shape.OutputChannels) a.Finish(shape, pixel, channel + 3, sums.D);
    }
}
