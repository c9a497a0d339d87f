using ILGPU;
using Specializer.Ilgpu.Intrinsics;

namespace Specializer.Ilgpu.Kernels;

internal struct GroupNormArguments
{
    public GroupNormDimensions Shape;
    public int Batch;
    public BatchView<float> X, Skip;
    /// <summary>[image][row][2][channels of both maps]: sums before squares.</summary>
    public ArrayView<double> Sums;
    /// <summary>[image][2][channels of both maps]: factors before offsets.</summary>
    public ArrayView<float> Maps;
    public ArrayView<float> Gamma, Beta;
    /// <summary>The map that is written: 0 the first, 1 the skip; FP32, or four quantized elements a word.</summary>
    public int Second;
    public BatchView<float> Y;
    public BatchView<int> Q;
    public AffineQuantizer Quantizer;
}

/// <summary>Group normalisation with the CPU's order of sums: pixels of a row, then rows, then channels of the group, in double precision.</summary>
internal static class GroupNormKernels
{
    public static void RowSumsLiteral<TShape>(GroupNormArguments a) where TShape : struct, IGroupNormShape => RowSums(a, default(TShape));

    public static void RowSumsDynamic(GroupNormArguments a) => RowSums(a, a.Shape);

    public static void TotalsLiteral<TShape>(GroupNormArguments a) where TShape : struct, IGroupNormShape => Totals(a, default(TShape));

    public static void TotalsDynamic(GroupNormArguments a) => Totals(a, a.Shape);

    public static void StatisticsLiteral<TShape>(GroupNormArguments a) where TShape : struct, IGroupNormShape => Statistics(a, default(TShape));

    public static void StatisticsDynamic(GroupNormArguments a) => Statistics(a, a.Shape);

    public static void ApplyLiteral<TShape>(GroupNormArguments a) where TShape : struct, IGroupNormShape => Apply(a, default(TShape));

    public static void ApplyDynamic(GroupNormArguments a) => Apply(a, a.Shape);

    public static void QuantizeLiteral<TShape>(GroupNormArguments a) where TShape : struct, IGroupNormShape => Quantize(a, default(TShape));

    public static void QuantizeDynamic(GroupNormArguments a) => Quantize(a, a.Shape);

    /// <summary>An item is a channel of a row of an image.</summary>
    private static void RowSums<TShape>(GroupNormArguments a, TShape shape)
        where TShape : struct, IGroupNormShape
    {
        int all = shape.Channels + shape.SkipChannels;
        for (int item = Share.Start; item < a.Batch * shape.Height * all; item += Share.Step)
        {
            int c = item % all, row = item / all % shape.Height, image = item / all / shape.Height;
            bool second = c >= shape.Channels;
            int channels = second ? shape.SkipChannels : shape.Channels;
            BatchView<float> map = second ? a.Skip : a.X;
            ArrayView<float> x = map.Image(image).SubView((long)row * shape.Width * channels + (second ? c - shape.Channels : c));
            double sum = 0, square = 0;
            for (int pixel = 0; pixel < shape.Width; pixel++)
            {
                double v = x[pixel * channels];
                sum += v;
                square += v * v;
            }

            ArrayView<double> sums = a.Sums.SubView((long)(image * shape.Height + row) * 2 * all);
            sums[c] = sum;
            sums[all + c] = square;
        }
    }

    /// <summary>Adds the rows; row 0 receives the totals. An item is a channel's sum or square of an image.</summary>
    private static void Totals<TShape>(GroupNormArguments a, TShape shape)
        where TShape : struct, IGroupNormShape
    {
        int row = 2 * (shape.Channels + shape.SkipChannels);
        for (int item = Share.Start; item < a.Batch * row; item += Share.Step)
        {
            ArrayView<double> sums = a.Sums.SubView((long)(item / row) * shape.Height * row + item % row);
            double total = sums[0];
            for (int y = 1; y < shape.Height; y++) total += sums[y * row];
            sums[0] = total;
        }
    }

    /// <summary>Turns gamma and beta into factor and offset. An item is a group of an image.</summary>
    private static void Statistics<TShape>(GroupNormArguments a, TShape shape)
        where TShape : struct, IGroupNormShape
    {
        int all = shape.Channels + shape.SkipChannels, count = all / shape.Groups;
        for (int item = Share.Start; item < a.Batch * shape.Groups; item += Share.Step)
        {
            int image = item / shape.Groups, first = item % shape.Groups * count;
            ArrayView<double> totals = a.Sums.SubView((long)image * shape.Height * 2 * all);
            double sum = 0, square = 0;
            for (int c = first; c < first + count; c++)
            {
                sum += totals[c];
                square += totals[all + c];
            }

            double n = (double)shape.Height * shape.Width * count, mean = sum / n;
            double variance = square / n - ExactMath.Multiply(mean, mean);
            if (variance < 0) variance = 0;
            double inverse = 1 / Math.Sqrt(variance + shape.Epsilon);
            ArrayView<float> factors = a.Maps.SubView((long)image * 2 * all);
            for (int c = first; c < first + count; c++)
            {
                double factor = ExactMath.Multiply(a.Gamma[c], inverse);
                factors[c] = (float)factor;
                factors[all + c] = (float)(a.Beta[c] - ExactMath.Multiply(mean, factor));
            }
        }
    }

    /// <summary>An item is an element of the written map.</summary>
    private static void Apply<TShape>(GroupNormArguments a, TShape shape)
        where TShape : struct, IGroupNormShape
    {
        int channels = a.Second != 0 ? shape.SkipChannels : shape.Channels, elements = shape.Height * shape.Width * channels;
        for (int item = Share.Start; item < a.Batch * elements; item += Share.Step)
        {
            int image = item / elements, element = item % elements;
            a.Y.Image(image)[element] = Map(a, shape, image, element, element % channels);
        }
    }

    /// <summary>An item is a word of four channels; channels that only fill it up become 0.</summary>
    private static void Quantize<TShape>(GroupNormArguments a, TShape shape)
        where TShape : struct, IGroupNormShape
    {
        int channels = a.Second != 0 ? shape.SkipChannels : shape.Channels, groups = (channels + 3) / 4, words = shape.Height * shape.Width * groups;
        for (int item = Share.Start; item < a.Batch * words; item += Share.Step)
        {
            int image = item / words, word = item % words, channel = word % groups * 4, element = word / groups * channels + channel;
            int q = a.Quantizer.Round(Map(a, shape, image, element, channel));
            if (channel + 1 < channels) q |= a.Quantizer.Round(Map(a, shape, image, element + 1, channel + 1)) << 8;
            if (channel + 2 < channels) q |= a.Quantizer.Round(Map(a, shape, image, element + 2, channel + 2)) << 16;
            if (channel + 3 < channels) q |= a.Quantizer.Round(Map(a, shape, image, element + 3, channel + 3)) << 24;
            a.Q.Image(image)[word] = q;
        }
    }

    private static float Map<TShape>(GroupNormArguments a, TShape shape, int image, int element, int channel)
        where TShape : struct, IGroupNormShape
    {
        int all = shape.Channels + shape.SkipChannels;
        float x = a.Second != 0 ? a.Skip.Image(image)[element] : a.X.Image(image)[element];
        ArrayView<float> factors = a.Maps.SubView((long)image * 2 * all + (a.Second != 0 ? shape.Channels : 0));
        float v = ExactMath.FusedMultiplyAdd(factors[channel], x, factors[all + channel]);
        return shape.Nonlinearity == Nonlinearity.Silu ? DeviceFunctions.Silu(v) : v;
    }
}
