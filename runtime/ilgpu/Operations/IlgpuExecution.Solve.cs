using ILGPU;
using ILGPU.Runtime;
using Specializer.Ilgpu.Kernels;
using Specializer.Kernels;

namespace Specializer.Ilgpu;

internal sealed unsafe partial class IlgpuExecution
{
    private int DrawnImages => Guided ? Batch / 2 : Batch;

    internal override void Begin(RunParameters parameters, ReadOnlySpan<int> labels, CancellationToken cancellation)
    {
        if (!float.IsFinite(parameters.Guidance)) throw new ArgumentException($"Guidance {parameters.Guidance} is not a finite number.", nameof(parameters));
        Begin(checked(parameters.Guidance == 1f ? parameters.Images : 2 * parameters.Images), parameters, labels, cancellation);
    }

    public override void Guide<TShape>(Activation epsilon, in GuidanceMoments moments, TShape shape = default)
    {
        Enter();
        if (!Guided && _asked == null) return;
        (long pixels, int channels) = PixelsOf(shape);
        Span<float> offsets = channels <= 64 ? stackalloc float[channels] : new float[channels];
        GuidanceCorrection correction = GuidanceCorrection.Of(moments, _run.Guidance, offsets);
        GuidedSigma = correction.Sigma;
        Launch<TShape, GuidanceArguments>(GuidanceKernel.Literal<TShape>, GuidanceKernel.Dynamic, DrawnImages * pixels * channels, new()
        {
            Shape = MapDimensions.Of(shape), Images = DrawnImages, Epsilon = Floats(epsilon, pixels * channels, Access.Write),
            Guidance = _run.Guidance, Gain = correction.Gain, CorrectMean = moments.CorrectMean ? 1 : 0, Offsets = Upload(offsets),
        });
    }

    public override void Solve<TShape>(int step, ReadOnlySpan<SolverStatement> statements, TShape shape = default)
    {
        Enter();
        (long pixels, int channels) = PixelsOf(shape);
        long elements = pixels * channels;
        int temporaries = 0, stride = checked((int)((elements * sizeof(float) + 63 & ~63L) / 4));
        foreach (ref readonly SolverStatement statement in statements)
        {
            temporaries = Math.Max(temporaries, -statement.Target.Place);
            if (statement.Target.HasMemory) Floats(statement.Target.Buffer, elements, Access.Write);
            for (int k = 0; k < statement.Sum.Count; k++)
                if (statement.Sum[k].Register is { HasMemory: true } register) Floats(register.Buffer, elements, Access.Read);
        }

        EndStep(step);
        LaunchAtOnce<SolverArguments>(IsLiteral<TShape>() ? SolverKernel.Literal<TShape> : SolverKernel.Dynamic, DrawnImages * ((elements + 3) / 4), new()
        {
            Shape = MapDimensions.Of(shape), Images = DrawnImages, Twice = Guided ? 1 : 0, Arena = Arena.Cast<float>(), Stride = stride,
            Temporaries = _temporaries.Reserve(Math.Max(1L, temporaries) * DrawnImages * stride * sizeof(float), _plan).Cast<float>(),
            Code = UploadCode(statements), Statements = statements.Length, Noise = new() { Seed = _run.Seed, FirstImage = _run.FirstImage },
        });
    }

    public override void Threshold<TShape>(int step, SolverRegister register, float quantile, float maximum, TShape shape = default)
    {
        Enter();
        (long pixels, int channels) = PixelsOf(shape);
        int elements = checked((int)(pixels * channels));
        double position = (double)quantile * (elements - 1);
        EndStep(step);
        LaunchAtOnce<ThresholdArguments>(ThresholdKernel.Run, DrawnImages, new()
        {
            Images = DrawnImages, Elements = elements, Twice = Guided && register.BothHalves ? 1 : 0, Values = Floats(register.Buffer, elements, Access.Write),
            Below = (int)Math.Floor(position), Above = (int)Math.Ceiling(position), Between = (float)(position - Math.Floor(position)), Maximum = maximum,
        });
    }

    /// <summary>What the device has of the last statements.</summary>
    private int[] _code = [];

    /// <summary>Copies statements to the device, unless they are there. They are launched at once, so that no launch that waits reads them.</summary>
    private ArrayView<int> UploadCode(ReadOnlySpan<SolverStatement> statements)
    {
        int words = SolverCode.Words(statements);
        ArrayView<int> view = _statements.Reserve(4L * words, _plan).Cast<int>();
        if (_asked != null) return view;
        Span<int> code = words <= 256 ? stackalloc int[words] : new int[words];
        SolverCode.Write(statements, Capacity, code);
        if (_code.AsSpan().StartsWith(code)) return view;
        try
        {
            fixed (int* from = code)
            {
                if (_device.Accelerator.AcceleratorType == AcceleratorType.Cuda) view.CopyFromCPUUnsafeAsync(_stream, ref *from, words);
                else
                {
                    WaitCount++;
                    view.CopyFromCPU(_stream, ref *from, words);
                }
            }
        }
        catch (AcceleratorException e)
        {
            throw KernelCache.Lost(_device.Accelerator, e);
        }

        // What was behind them is still there.
        if (_code.Length < words) _code = new int[words];
        code.CopyTo(_code);
        return view;
    }
}
