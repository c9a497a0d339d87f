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
    /// <summary>Results: FP32, four quantized elements a word, or FP32 and the same in FP16, two a word.</summary>
    public BatchView<float> Y, YSkip;
    public BatchView<int> Q, QSkip;
    public AffineQuantizer Quantizer, SkipQuantizer;
}

/// <summary>Group normalisation with the CPU's order of sums: pixels of a row, then rows, then channels of the group, in double precision. In two
/// launches, statistics and what is made of them; or in one, where each group of threads finishes its own channels (<see cref="FitsOneLaunch"/>).</summary>
internal static class GroupNormKernels
{
    public static void StatisticsLiteral<TShape>(GroupNormArguments a) where TShape : struct, IGroupNormShape => Statistics(a, default(TShape));

    public static void StatisticsDynamic(GroupNormArguments a) => Statistics(a, a.Shape);

    public static void ApplyLiteral<TShape>(GroupNormArguments a) where TShape : struct, IGroupNormShape => Apply(a, default(TShape));

    public static void ApplyDynamic(GroupNormArguments a) => Apply(a, a.Shape);

    public static void QuantizeLiteral<TShape>(GroupNormArguments a) where TShape : struct, IGroupNormShape => Words(a, default(TShape), halve: false);

    public static void QuantizeDynamic(GroupNormArguments a) => Words(a, a.Shape, halve: false);

    public static void HalveLiteral<TShape>(GroupNormArguments a) where TShape : struct, IGroupNormShape => Words(a, default(TShape), halve: true);

    public static void HalveDynamic(GroupNormArguments a) => Words(a, a.Shape, halve: true);

    public static void WholeApplyLiteral<TShape>(GroupNormArguments a) where TShape : struct, IGroupNormShape => WholeApply(a, default(TShape));

    public static void WholeApplyDynamic(GroupNormArguments a) => WholeApply(a, a.Shape);

    public static void WholeQuantizeLiteral<TShape>(GroupNormArguments a) where TShape : struct, IGroupNormShape => WholeWords(a, default(TShape), halve: false);

    public static void WholeQuantizeDynamic(GroupNormArguments a) => WholeWords(a, a.Shape, halve: false);

    public static void WholeHalveLiteral<TShape>(GroupNormArguments a) where TShape : struct, IGroupNormShape => WholeWords(a, default(TShape), halve: true);

    public static void WholeHalveDynamic(GroupNormArguments a) => WholeWords(a, a.Shape, halve: true);

    /// <summary>Small maps, for which a launch costs more than what it would spread over the card; a word of four channels must lie in one group of one map.</summary>
    public static bool FitsOneLaunch(GroupNormDimensions s, int batch)
    {
        int all = s.Channels + s.SkipChannels, count = all / s.Groups;
        long pixels = (long)s.Height * s.Width;
        return count % 4 == 0 && s.Channels % 4 == 0 && s.SkipChannels % 4 == 0 && pixels * count <= 1 << 14 && pixels * all * batch <= 1 << 19;
    }

    /// <summary>A group of threads takes one group of channels of an image after the other.</summary>
    private static void Statistics<TShape>(GroupNormArguments a, TShape shape)
        where TShape : struct, IGroupNormShape
    {
        for (int part = Grid.IdxX; part < a.Batch * shape.Groups; part += Grid.DimX) Statistics(a, shape, part);
    }

    private static void WholeApply<TShape>(GroupNormArguments a, TShape shape)
        where TShape : struct, IGroupNormShape
    {
        int count = (shape.Channels + shape.SkipChannels) / shape.Groups, pixels = shape.Height * shape.Width;
        for (int part = Grid.IdxX; part < a.Batch * shape.Groups; part += Grid.DimX)
        {
            Statistics(a, shape, part);
            Group.Barrier();
            int image = part / shape.Groups, first = part % shape.Groups * count;
            for (int item = Group.IdxX; item < pixels * count; item += Group.DimX)
            {
                int pixel = image * pixels + item / count, channel = first + item % count;
                if (channel < shape.Channels) Apply(a, shape, a.X, a.Y, shape.Channels, 0, pixel * shape.Channels + channel);
                else Apply(a, shape, a.Skip, a.YSkip, shape.SkipChannels, shape.Channels, pixel * shape.SkipChannels + channel - shape.Channels);
            }
        }
    }

    private static void WholeWords<TShape>(GroupNormArguments a, TShape shape, bool halve)
        where TShape : struct, IGroupNormShape
    {
        int width = Width(halve), words = (shape.Channels + shape.SkipChannels) / shape.Groups / width, pixels = shape.Height * shape.Width, channelWords = shape.Channels / width;
        for (int part = Grid.IdxX; part < a.Batch * shape.Groups; part += Grid.DimX)
        {
            Statistics(a, shape, part);
            Group.Barrier();
            int image = part / shape.Groups, first = part % shape.Groups * words;
            for (int item = Group.IdxX; item < pixels * words; item += Group.DimX)
            {
                int pixel = image * pixels + item / words, word = first + item % words;
                if (word < channelWords) Finish(a, shape, halve, pixel * channelWords + word);
                else FinishSkip(a, shape, halve, pixel * (shape.SkipChannels / width) + word - channelWords);
            }
        }
    }

    /// <summary>Turns gamma and beta into factor and offset, for a group of channels of an image.</summary>
    private static void Statistics<TShape>(GroupNormArguments a, TShape shape, int part)
        where TShape : struct, IGroupNormShape
    {
        int all = shape.Channels + shape.SkipChannels, count = all / shape.Groups, image = part / shape.Groups, first = part % shape.Groups * count;
        ArrayView<double> sums = a.Sums.SubView((long)image * shape.Height * 2 * all);
        for (int item = Group.IdxX; item < shape.Height * count; item += Group.DimX) RowSums(a, shape, sums, image, item / count, first + item % count);
        Group.Barrier();

        // The rows; row 0 receives the totals.
        for (int item = Group.IdxX; item < 2 * count; item += Group.DimX)
        {
            ArrayView<double> column = sums.SubView(item < count ? first + item : all + first + item - count);
            double total = column[0];
            for (int row = 1; row < shape.Height; row++) total += column[(long)row * 2 * all];
            column[0] = total;
        }

        Group.Barrier();
        double sum = 0, square = 0;
        for (int c = first; c < first + count; c++)
        {
            sum += sums[c];
            square += sums[all + c];
        }

        double n = (double)shape.Height * shape.Width * count, mean = sum / n;
        double variance = square / n - ExactMath.Multiply(mean, mean);
        if (variance < 0) variance = 0;
        double inverse = 1 / Math.Sqrt(variance + shape.Epsilon);
        ArrayView<float> factors = a.Maps.SubView((long)image * 2 * all);
        for (int c = first + Group.IdxX; c < first + count; c += Group.DimX)
        {
            double factor = ExactMath.Multiply(a.Gamma[c], inverse);
            factors[c] = (float)factor;
            factors[all + c] = (float)(a.Beta[c] - ExactMath.Multiply(mean, factor));
        }
    }

    /// <summary>Sum and sum of squares over the pixels of a row in a channel.</summary>
    private static void RowSums<TShape>(GroupNormArguments a, TShape shape, ArrayView<double> sums, int image, int row, int c)
        where TShape : struct, IGroupNormShape
    {
        int all = shape.Channels + shape.SkipChannels;
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

        sums[(long)row * 2 * all + c] = sum;
        sums[(long)row * 2 * all + all + c] = square;
    }

    /// <summary>An item is an element of either map.</summary>
    private static void Apply<TShape>(GroupNormArguments a, TShape shape)
        where TShape : struct, IGroupNormShape
    {
        int pixels = a.Batch * shape.Height * shape.Width, elements = pixels * shape.Channels;
        for (int item = Share.Start; item < elements; item += Share.Step) Apply(a, shape, a.X, a.Y, shape.Channels, 0, item);
        for (int item = Share.Start; item < pixels * shape.SkipChannels; item += Share.Step) Apply(a, shape, a.Skip, a.YSkip, shape.SkipChannels, shape.Channels, item);
    }

    private static void Apply<TShape>(GroupNormArguments a, TShape shape, BatchView<float> x, BatchView<float> y, int channels, int first, int item)
        where TShape : struct, IGroupNormShape
    {
        int elements = shape.Height * shape.Width * channels, image = item / elements, element = item % elements;
        y.Image(image)[element] = Map(a, shape, x.Image(image)[element], image, first + element % channels);
    }

    /// <summary>Channels of a word.</summary>
    private static int Width(bool halve) => halve ? 2 : 4;

    /// <summary>An item is a word of either map.</summary>
    private static void Words<TShape>(GroupNormArguments a, TShape shape, bool halve)
        where TShape : struct, IGroupNormShape
    {
        int width = Width(halve), pixels = a.Batch * shape.Height * shape.Width;
        int words = pixels * ((shape.Channels + width - 1) / width), skipWords = pixels * ((shape.SkipChannels + width - 1) / width);
        for (int item = Share.Start; item < words; item += Share.Step) Finish(a, shape, halve, item);
        for (int item = Share.Start; item < skipWords; item += Share.Step) FinishSkip(a, shape, halve, item);
    }

    private static void Finish<TShape>(GroupNormArguments a, TShape shape, bool halve, int item)
        where TShape : struct, IGroupNormShape
    {
        if (halve) Halve(a, shape, a.X, a.Y, a.Q, shape.Channels, 0, item);
        else Quantize(a, shape, a.X, a.Q, a.Quantizer, shape.Channels, 0, item);
    }

    private static void FinishSkip<TShape>(GroupNormArguments a, TShape shape, bool halve, int item)
        where TShape : struct, IGroupNormShape
    {
        if (halve) Halve(a, shape, a.Skip, a.YSkip, a.QSkip, shape.SkipChannels, shape.Channels, item);
        else Quantize(a, shape, a.Skip, a.QSkip, a.SkipQuantizer, shape.SkipChannels, shape.Channels, item);
    }

    /// <summary>Two channels, FP32 in one word of 64 bits, so that neighbouring threads fill whole lines. Both maps have whole pairs.</summary>
    private static void Halve<TShape>(
        GroupNormArguments a, TShape shape, BatchView<float> map, BatchView<float> result, BatchView<int> halves, int channels, int first, int item)
        where TShape : struct, IGroupNormShape
    {
        int pairs = shape.Height * shape.Width * (channels / 2), image = item / pairs, pair = item % pairs, channel = first + pair % (channels / 2) * 2;
        long x = map.Image(image).Cast<long>()[pair];
        float low = Map(a, shape, Interop.IntAsFloat((uint)x), image, channel), high = Map(a, shape, Interop.IntAsFloat((uint)(x >> 32)), image, channel + 1);
        result.Image(image).Cast<long>()[pair] = Interop.FloatAsInt(low) | (long)Interop.FloatAsInt(high) << 32;
        halves.Image(image)[pair] = DeviceHalf.Pack(low, high);
    }

    /// <summary>A word of four channels; those that only fill it up become 0.</summary>
    private static void Quantize<TShape>(
        GroupNormArguments a, TShape shape, BatchView<float> map, BatchView<int> quantized, AffineQuantizer quantizer, int channels, int first, int item)
        where TShape : struct, IGroupNormShape
    {
        int groups = (channels + 3) / 4, words = shape.Height * shape.Width * groups, image = item / words, word = item % words, channel = word % groups * 4;
        int all = shape.Channels + shape.SkipChannels;
        if (channels % 4 == 0 && all % 4 == 0)
        {
            // 16 bytes a load.
            ArrayView<Quad<float>> factors = a.Maps.Cast<Quad<float>>().SubView((image * 2 * all + first + channel) / 4);
            Quad<float> four = map.Quads(image, word), factor = factors[0], offset = factors[all / 4];
            quantized.Image(image)[word] = quantizer.Round(Map(shape, factor.A, four.A, offset.A)) | quantizer.Round(Map(shape, factor.B, four.B, offset.B)) << 8
                | quantizer.Round(Map(shape, factor.C, four.C, offset.C)) << 16 | quantizer.Round(Map(shape, factor.D, four.D, offset.D)) << 24;
            return;
        }

        ArrayView<float> x = map.Image(image).SubView((long)(word / groups) * channels + channel);
        int q = quantizer.Round(Map(a, shape, x[0], image, first + channel));
        if (channel + 1 < channels) q |= quantizer.Round(Map(a, shape, x[1], image, first + channel + 1)) << 8;
        if (channel + 2 < channels) q |= quantizer.Round(Map(a, shape, x[2], image, first + channel + 2)) << 16;
        if (channel + 3 < channels) q |= quantizer.Round(Map(a, shape, x[3], image, first + channel + 3)) << 24;
        quantized.Image(image)[word] = q;
    }

    /// <param name="a">Factors and offsets.</param>
    /// <param name="shape">Static shape.</param>
    /// <param name="x">An element.</param>
    /// <param name="image">Its image.</param>
    /// <param name="channel">Its channel, of both maps.</param>
    private static float Map<TShape>(GroupNormArguments a, TShape shape, float x, int image, int channel)
        where TShape : struct, IGroupNormShape
    {
        int all = shape.Channels + shape.SkipChannels;
        ArrayView<float> factors = a.Maps.SubView((long)image * 2 * all + channel);
        return Map(shape, factors[0], x, factors[all]);
    }

    private static float Map<TShape>(TShape shape, float factor, float x, float offset)
        where TShape : struct, IGroupNormShape
    {
        float v = ExactMath.FusedMultiplyAdd(factor, x, offset);
        return shape.Nonlinearity == Nonlinearity.Silu ? DeviceFunctions.Silu(v) : v;
    }
}
