using System.Runtime.CompilerServices;
using Specializer.Kernels;

namespace Specializer;

internal sealed unsafe partial class CpuExecution
{
    private readonly NativeBuffer _statistics = new();

    public override void Normalize<TShape>(NormWeights weights, Activation x, Activation y,
        Activation skip = default, Activation ySkip = default, TShape shape = default) =>
        Normalize(weights, NormGeometry.Of(shape), x, y, null, skip, ySkip, null);

    public override void NormalizeQuantize<TShape>(NormWeights weights, Activation x, Activation q, Quantization to,
        Activation skip = default, Activation qSkip = default, Quantization skipTo = default, TShape shape = default) =>
        Normalize(weights, NormGeometry.Of(shape), x, q, to, skip, qSkip, skipTo);

    // Compiled once, not for every shape.
    private void Normalize(NormWeights weights, in NormGeometry shape, Activation x, Activation y, Quantization? to, Activation skip, Activation ySkip, Quantization? skipTo)
    {
        GroupNormApply work = Statistics(weights, x, skip, shape);
        Apply(ref work, shape, x, 0, shape.Channels, y, to);
        if (shape.SkipChannels != 0) Apply(ref work, shape, skip, shape.Channels, shape.SkipChannels, ySkip, skipTo);
    }

    /// <summary>The first two passes. Returns what the third one needs of them.</summary>
    private GroupNormApply Statistics(NormWeights weights, Activation x, Activation skip, in NormGeometry shape)
    {
        Enter();
        int height = shape.Height, width = shape.Width, channels = shape.Channels, skipChannels = shape.SkipChannels, all = channels + skipChannels, groups = shape.Groups;
        long pixels = (long)height * width;
        Map first = Floats(x, pixels * channels), second = skipChannels == 0 ? default : Floats(skip, pixels * skipChannels);
        long sums = (long)Batch * height * 2 * all;
        byte* scratch = _statistics.Reserve(sums * sizeof(double) + (long)Batch * 2 * all * sizeof(float));
        float* maps = (float*)((double*)scratch + sums);
        _weights.Find(weights, all, out float* gamma, out float* beta);

        var rows = new GroupNormSums
        {
            Height = height, Width = width, Channels = channels, SkipChannels = skipChannels,
            X = first.Start, XStride = first.Stride, Skip = second.Start, SkipStride = second.Stride, Sums = (double*)scratch,
        };
        Run(Batch * height, ref rows, Grain((long)width * all, 0.07));
        var statistics = new GroupNormStatistics
        {
            Height = height, Width = width, Channels = all, Groups = groups, Epsilon = shape.Epsilon,
            Sums = (double*)scratch, Gamma = gamma, Beta = beta, Maps = maps,
        };
        Run(Batch * groups, ref statistics, Grain((long)height * all / groups, 0.2));
        return new() { Height = height, Width = width, AllChannels = all, Silu = shape.Silu, Maps = maps };
    }

    private void Apply(ref GroupNormApply work, in NormGeometry shape, Activation x, int firstChannel, int channels, Activation y, Quantization? to)
    {
        long pixels = (long)shape.Height * shape.Width;
        Map from = Floats(x, pixels * channels);
        work.FirstChannel = firstChannel;
        work.X = from.Start;
        work.XStride = from.Stride;
        work.Result = Sink(y, pixels, channels, shape.ElementSize, to);
        Run(Batch * shape.Height, ref work, Grain((long)shape.Width * channels, 0.5));
    }

    /// <summary>Items that are worth handing to a thread together, about a microsecond of work.</summary>
    /// <param name="elements">Of an item.</param>
    /// <param name="nanoseconds">That an element takes.</param>
    private static int Grain(long elements, double nanoseconds) => (int)Math.Clamp(1000 / (elements * nanoseconds), 1, 4096);

    /// <summary>A normalisation's static shape as plain numbers, checked.</summary>
    private readonly record struct NormGeometry(int Height, int Width, int Channels, int SkipChannels, int Groups, float Epsilon, bool Silu, int ElementSize)
    {
        /// <remarks>Optimized at once, as a convolution's.</remarks>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static NormGeometry Of<TShape>(TShape s)
            where TShape : struct, IGroupNormShape
        {
            CheckGroupNorm(s);
            return new(s.Height, s.Width, s.Channels, s.SkipChannels, s.Groups, s.Epsilon, s.Nonlinearity == Nonlinearity.Silu, s.ElementSize);
        }
    }
}
