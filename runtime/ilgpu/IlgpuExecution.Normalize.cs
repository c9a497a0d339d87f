using ILGPU;
using Specializer.Ilgpu.Kernels;

namespace Specializer.Ilgpu;

internal sealed partial class IlgpuExecution
{
    public override void Quantize<TShape>(Activation x, Activation q, Quantization to, TShape shape = default)
    {
        Enter();
        CheckElementSize(shape.ElementSize);
        (long pixels, int channels) = PixelsOf(shape);
        Launch<TShape, QuantizeArguments>(QuantizeKernel.Literal<TShape>, QuantizeKernel.Dynamic, Batch * pixels * ((channels + 3) / 4), new()
        {
            Shape = MapDimensions.Of(shape), Batch = Batch, X = Floats(x, pixels * channels), Q = Integers(q, pixels, channels),
            Quantizer = AffineQuantizer.Of(Checked(to)),
        });
    }

    public override void Normalize<TShape>(NormWeights weights, Activation x, Activation y,
        Activation skip = default, Activation ySkip = default, TShape shape = default)
    {
        GroupNormArguments a = Arguments(weights, x, skip, shape);
        long pixels = (long)shape.Height * shape.Width;
        a.Y = Floats(y, pixels * shape.Channels);
        if (shape.SkipChannels != 0) a.YSkip = Floats(ySkip, pixels * shape.SkipChannels);
        if (LaunchWhole<TShape>(GroupNormKernels.WholeApplyLiteral<TShape>, GroupNormKernels.WholeApplyDynamic, a)) return;
        Launch<TShape, GroupNormArguments>(GroupNormKernels.ApplyLiteral<TShape>, GroupNormKernels.ApplyDynamic, Batch * pixels * Math.Max(shape.Channels, shape.SkipChannels), a);
    }

    public override void NormalizeQuantize<TShape>(NormWeights weights, Activation x, Activation q, Quantization to,
        Activation skip = default, Activation qSkip = default, Quantization skipTo = default, TShape shape = default)
    {
        CheckElementSize(shape.ElementSize);
        GroupNormArguments a = Arguments(weights, x, skip, shape);
        long pixels = (long)shape.Height * shape.Width;
        a.Q = Integers(q, pixels, shape.Channels);
        a.Quantizer = AffineQuantizer.Of(Checked(to));
        if (shape.SkipChannels != 0)
        {
            a.QSkip = Integers(qSkip, pixels, shape.SkipChannels);
            a.SkipQuantizer = AffineQuantizer.Of(Checked(skipTo));
        }

        if (LaunchWhole<TShape>(GroupNormKernels.WholeQuantizeLiteral<TShape>, GroupNormKernels.WholeQuantizeDynamic, a)) return;
        Launch<TShape, GroupNormArguments>(GroupNormKernels.QuantizeLiteral<TShape>, GroupNormKernels.QuantizeDynamic,
            Batch * pixels * ((Math.Max(shape.Channels, shape.SkipChannels) + 3) / 4), a);
    }

    private GroupNormArguments Arguments<TShape>(NormWeights weights, Activation x, Activation skip, TShape shape)
        where TShape : struct, IGroupNormShape
    {
        Enter();
        GroupNormDimensions s = GroupNormDimensions.Of(shape);
        int all = s.Channels + s.SkipChannels;
        if (s.Height < 1 || s.Width < 1 || s.Channels < 1 || s.SkipChannels < 0 || s.Groups < 1 || all % s.Groups != 0)
            throw new ArgumentException($"Group normalisation of {s.Height}×{s.Width}×({s.Channels}+{s.SkipChannels}) in {s.Groups} groups is not usable: sizes must be positive, and groups divide the channels.");
        long pixels = (long)s.Height * s.Width, sums = (long)Batch * s.Height * 2 * all, maps = (long)Batch * 2 * all;
        ArrayView<byte> scratch = _scratch.Reserve(sums * sizeof(double) + maps * sizeof(float), _plan);
        BatchView<float> first = Floats(x, pixels * s.Channels), second = s.SkipChannels == 0 ? first : Floats(skip, pixels * s.SkipChannels);
        var a = new GroupNormArguments
        {
            Shape = s, Batch = Batch, X = first, Skip = second, Y = first, YSkip = first, Q = At<int>(x, pixels * s.Channels), QSkip = At<int>(x, pixels * s.Channels),
            Sums = scratch.SubView(0, sums * sizeof(double)).Cast<double>(), Maps = scratch.SubView(sums * sizeof(double), maps * sizeof(float)).Cast<float>(),
        };
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
