using ILGPU;
using ILGPU.Runtime;
using Specializer.Ilgpu.Kernels;
using Specializer.Kernels;

namespace Specializer.Ilgpu;

internal sealed unsafe partial class IlgpuExecution
{
    public override void Guide<TShape>(Activation epsilon, in GuidanceMoments moments, TShape shape = default)
    {
        Enter();
        if (GuidedImages == 0 && !_launching.IsRehearsal) return;
        (int size, int channels) = PixelsOf(shape);
        long pixels = size;
        // A rehearsal finds room for the most.
        int images = _launching.IsRehearsal ? DrawnImages : GuidedImages, numbers = images * GuidanceCorrection.RowLength(channels);
        Span<float> rows = numbers <= 1024 ? stackalloc float[numbers] : new float[numbers];
        FindCorrections(moments, channels, rows);
        Launch<TShape, GuidanceArguments>(GuidanceKernel.Literal<TShape>, GuidanceKernel.Dynamic, images * pixels * channels, new()
        {
            Shape = MapDimensions.Of(shape), Images = images, Unconditional = DrawnImages, Epsilon = Floats(epsilon, pixels * channels, Access.Write),
            CorrectMean = moments.CorrectMean ? 1 : 0, Rows = Upload(rows),
        });
    }

    public override void Solve<TShape>(int step, ReadOnlySpan<SolverStatement> statements, TShape shape = default)
    {
        Enter();
        CheckSigma(statements);
        (int pixels, int channels) = PixelsOf(shape);
        long elements = (long)pixels * channels;
        int temporaries = 0, stride = checked((int)((elements * sizeof(float) + 63 & ~63L) / 4));
        foreach (ref readonly SolverStatement statement in statements)
        {
            temporaries = Math.Max(temporaries, (int)-statement.Target.Place);
            if (statement.Target.HasMemory) Floats(statement.Target.Buffer, elements, Access.Write);
            for (int k = 0; k < statement.Sum.Count; k++)
                if (statement.Sum[k].Register is { HasMemory: true } register) Floats(register.Buffer, elements, Access.Read);
        }

        EndStep(step);
        LaunchAtOnce<SolverArguments>(IsLiteral<TShape>() ? SolverKernel.Literal<TShape> : SolverKernel.Dynamic, DrawnImages * ((elements + 3) / 4), new()
        {
            Shape = MapDimensions.Of(shape), Images = DrawnImages, Guided = GuidedImages, Arena = _memory.Arena.Cast<float>(), Stride = stride,
            Temporaries = _memory.Working(Math.Max(1L, temporaries) * DrawnImages * stride * sizeof(float)).Cast<float>(),
            Code = UploadCode(statements), Statements = statements.Length,
        });
    }

    public override void Threshold<TShape>(int step, SolverRegister register, float quantile, float maximum, TShape shape = default)
    {
        Enter();
        (int pixels, int channels) = PixelsOf(shape);
        int elements = checked(pixels * channels);
        double position = (double)quantile * (elements - 1);
        EndStep(step);
        LaunchAtOnce<ThresholdArguments>(ThresholdKernel.Run, DrawnImages, new()
        {
            Images = DrawnImages, Elements = elements, Guided = register.BothHalves ? GuidedImages : 0, Values = Floats(register.Buffer, elements, Access.Write),
            Below = (int)Math.Floor(position), Above = (int)Math.Ceiling(position), Between = (float)(position - Math.Floor(position)), Maximum = maximum,
        });
    }

    /// <summary>What the device has of the last statements.</summary>
    private int[] _code = [];

    /// <summary>Copies statements to the device, unless they are there. They are launched at once, so that no launch that waits reads them.</summary>
    private ArrayView<int> UploadCode(ReadOnlySpan<SolverStatement> statements)
    {
        int words = SolverCode.Words(statements, DrawnImages);
        ArrayView<int> view = _memory.Statements(4L * words).Cast<int>();
        if (_launching.IsRehearsal) return view;
        Span<int> code = words <= 1024 ? stackalloc int[words] : new int[words];
        SolverCode.Write(statements, Capacity, _images.AsSpan(0, DrawnImages), _sigmas.AsSpan(0, GuidedImages), _removed.AsSpan(0, GuidedImages), code);
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
