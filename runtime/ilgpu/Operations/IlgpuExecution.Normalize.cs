using ILGPU;
using Specializer.Ilgpu.Kernels;

namespace Specializer.Ilgpu;

internal sealed partial class IlgpuExecution
{
    public override void Quantize<TShape>(Activation x, Activation q, Quantization to, TShape shape = default)
    {
        Enter();
        CheckElementSize(shape.ElementSize);
        (int size, int channels) = PixelsOf(shape);
        long pixels = size;
        Launch<TShape, QuantizeArguments>(QuantizeKernel.Literal<TShape>, QuantizeKernel.Dynamic, Batch * pixels * ((channels + 3) / 4), new()
        {
            Shape = MapDimensions.Of(shape), Batch = Batch, X = Floats(x, pixels * channels, Access.Read), Q = Integers(q, pixels, channels, Access.Write),
            Quantizer = AffineQuantizer.Of(Checked(to)),
        });
    }

    public override void Normalize<TShape>(NormWeights weights, Activation x, Activation y,
        Activation skip = default, Activation ySkip = default, TShape shape = default)
    {
        // Tensor cores read whole pieces of eight channels; here nothing is filled up.
        bool halves = _device.Options.HalfPrecision && shape.Channels % 8 == 0 && shape.SkipChannels % 8 == 0;
        GroupNormArguments a = Arguments(weights, x, skip, shape, halves);
        long pixels = (long)shape.Height * shape.Width, elements = pixels * shape.Channels, skipElements = pixels * shape.SkipChannels;
        a.Y = Floats(y, elements, Access.Write);
        if (skipElements != 0) a.YSkip = Floats(ySkip, skipElements, Access.Write);
        if (halves)
        {
            if (!LaunchWhole<TShape>(GroupNormKernels.WholeHalveLiteral<TShape>, GroupNormKernels.WholeHalveDynamic, a))
                Launch<TShape, GroupNormArguments>(GroupNormKernels.HalveLiteral<TShape>, GroupNormKernels.HalveDynamic, Batch * Math.Max(elements, skipElements) / 2, a);
            _halves.Add(new(y, elements, a.Q.Elements));
            if (skipElements != 0) _halves.Add(new(ySkip, skipElements, a.QSkip.Elements));
            return;
        }

        if (LaunchWhole<TShape>(GroupNormKernels.WholeApplyLiteral<TShape>, GroupNormKernels.WholeApplyDynamic, a)) return;
        Launch<TShape, GroupNormArguments>(GroupNormKernels.ApplyLiteral<TShape>, GroupNormKernels.ApplyDynamic, Batch * Math.Max(elements, skipElements), a);
    }

    public override void NormalizeQuantize<TShape>(NormWeights weights, Activation x, Activation q, Quantization to,
        Activation skip = default, Activation qSkip = default, Quantization skipTo = default, TShape shape = default)
    {
        CheckElementSize(shape.ElementSize);
        GroupNormArguments a = Arguments(weights, x, skip, shape, halves: false);
        long pixels = (long)shape.Height * shape.Width;
        a.Q = Integers(q, pixels, shape.Channels, Access.Write);
        a.Quantizer = AffineQuantizer.Of(Checked(to));
        if (shape.SkipChannels != 0)
        {
            a.QSkip = Integers(qSkip, pixels, shape.SkipChannels, Access.Write);
            a.SkipQuantizer = AffineQuantizer.Of(Checked(skipTo));
        }

        if (LaunchWhole<TShape>(GroupNormKernels.WholeQuantizeLiteral<TShape>, GroupNormKernels.WholeQuantizeDynamic, a)) return;
        Launch<TShape, GroupNormArguments>(GroupNormKernels.QuantizeLiteral<TShape>, GroupNormKernels.QuantizeDynamic,
            Batch * pixels * ((Math.Max(shape.Channels, shape.SkipChannels) + 3) / 4), a);
    }

    private GroupNormArguments Arguments<TShape>(NormWeights weights, Activation x, Activation skip, TShape shape, bool halves)
        where TShape : struct, IGroupNormShape
    {
        Enter();
        GroupNormDimensions s = GroupNormDimensions.Of(shape);
        int all = s.Channels + s.SkipChannels;
        CheckGroupNorm(s);
        long pixels = (long)s.Height * s.Width, sums = (long)Batch * s.Height * 2 * all, maps = (long)Batch * 2 * all;
        long words = halves ? Batch * pixels * all / 2 : 0;
        ArrayView<byte> scratch = Working(4 * words + sums * sizeof(double) + maps * sizeof(float)), doubles = scratch.SubView(4 * words, sums * sizeof(double));
        BatchView<float> first = Floats(x, pixels * s.Channels, Access.Read), second = s.SkipChannels == 0 ? first : Floats(skip, pixels * s.SkipChannels, Access.Read);
        var a = new GroupNormArguments
        {
            Shape = s, Batch = Batch, X = first, Skip = second, Y = first, YSkip = first, Q = At<int>(x, pixels * s.Channels, Access.Read), QSkip = At<int>(x, pixels * s.Channels, Access.Read),
            Sums = doubles.Cast<double>(), Maps = scratch.SubView(4 * words + doubles.Length, maps * sizeof(float)).Cast<float>(),
        };
        if (halves)
        {
            a.Q = a.QSkip = new() { Elements = scratch.SubView(0, 4 * words).Cast<int>(), Stride = (int)(pixels * s.Channels / 2) };
            if (s.SkipChannels != 0) a.QSkip = new() { Elements = a.Q.Elements.SubView((long)Batch * a.Q.Stride), Stride = (int)(pixels * s.SkipChannels / 2) };
        }

        _weights.Find(weights, all, out a.Gamma, out a.Beta);
        return a;
    }

    /// <summary>Launches the whole normalisation where one launch is enough, otherwise its statistics alone (false): a group of threads for each group of channels of an image.</summary>
    private bool LaunchWhole<TShape>(Action<GroupNormArguments> literal, Action<GroupNormArguments> dynamic, in GroupNormArguments a)
        where TShape : struct, IGroupNormShape
    {
        GroupNormDimensions s = a.Shape;
        long parts = (long)Batch * s.Groups, count = (s.Channels + s.SkipChannels) / s.Groups;
        bool whole = GroupNormKernels.FitsOneLaunch(s, Batch);
        if (whole) LaunchParts<TShape, GroupNormArguments>(literal, dynamic, parts, count * Math.Max(s.Height, s.Height * s.Width / 4), a);
        else LaunchParts<TShape, GroupNormArguments>(GroupNormKernels.StatisticsLiteral<TShape>, GroupNormKernels.StatisticsDynamic, parts, count * s.Height, a);
        return whole;
    }
}
