using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Specializer.Numerics;
using Specializer.Threading;

namespace Specializer.Kernels;

/// <summary>One pass of a solver's statements over the drawn images. An item is a run of elements of one image, which stays in the nearest cache from one
/// statement to the next.</summary>
internal unsafe struct SolverWork : IWork
{
    public const int ItemElements = 1024;

    public int Elements, Images;
    /// <summary>The first of them are guided: what the network reads of them is repeated behind the drawn ones.</summary>
    public int Guided;
    public byte* Arena;
    public long Capacity, Stride;
    public SolverStatement* Statements;
    public int Count;
    /// <summary>What identifies each image's noise.</summary>
    public DrawnImage* Keys;
    /// <summary>σ' and c of each guided image.</summary>
    public float* Sigmas, Removed;

    public readonly int ItemsPerImage => (Elements + ItemElements - 1) / ItemElements;

    [SkipLocalsInit]
    public readonly void Execute(int begin, int end, int worker)
    {
        float* temporaries = stackalloc float[SolverRegister.Temporaries * ItemElements];
        for (int item = begin; item < end; item++)
        {
            int image = item / ItemsPerImage, first = item % ItemsPerImage * ItemElements, count = Math.Min(ItemElements, Elements - first);
            for (int i = 0; i < Count; i++) Execute(Statements[i], temporaries, image, first, count);
        }
    }

    private readonly void Execute(in SolverStatement statement, float* temporaries, int image, int first, int count)
    {
        float* target = Place(statement.Target, temporaries, image, first);
        int own = image < Guided ? statement.Sum.SigmaTerm : -1;
        switch (statement.Kind)
        {
            case SolverStatementKind.Draw:
                GaussianNoise.Fill(new Span<float>(target, count), Keys[image].Seed, Keys[image].Index, statement.DrawIndex, first);
                break;
            case SolverStatementKind.Clip:
                Clip(target, statement.Sum[0].Factor, count);
                break;
            case SolverStatementKind.Blend:
                Blend(target, Place(statement.Sum[0].Register, temporaries, image, first), Place(statement.Sum[1].Register, temporaries, image, first), count);
                break;
            case SolverStatementKind.ExponentialSigma when statement.Sum.SigmaTerm >= 0:
                ScaleByExponential(target, statement.Sum[0].Factor, Place(statement.Sum[0].Register, temporaries, image, first), statement.Sum[1].Factor, own < 0 ? statement.Sum[2].Factor : Removed[image], count);
                break;
            case SolverStatementKind.ExponentialSigma:
                ScaleByExponential(target, statement.Sum[0].Factor, Place(statement.Sum[0].Register, temporaries, image, first), statement.Sum[1].Factor, count);
                break;
            case SolverStatementKind.RootSigma:
                float* variance = Place(statement.Sum[0].Register, temporaries, image, first);
                if (statement.Sum.SigmaTerm < 0)
                {
                    for (int i = 0; i < count; i++) target[i] *= MathF.Sqrt(variance[i]);
                }
                else
                {
                    float removed = own < 0 ? statement.Sum[1].Factor : Removed[image];
                    for (int i = 0; i < count; i++) target[i] *= MathF.Sqrt(MathF.Max(variance[i] - removed, 0f));
                }

                break;
            default:
                Term* terms = stackalloc Term[SolverSum.MaximumTerms];
                for (int k = 0; k < statement.Sum.Count; k++) terms[k] = new(k == own ? Sigmas[image] : statement.Sum[k].Factor, Place(statement.Sum[k].Register, temporaries, image, first));
                Sum(target, terms, statement.Sum.Count, count);
                break;
        }

        if (image < Guided && statement.Target.BothHalves)
            new ReadOnlySpan<float>(target, count).CopyTo(new Span<float>((byte*)target + Images * Stride, count));
    }

    private readonly float* Place(SolverRegister register, float* temporaries, int image, int first) =>
        register.HasMemory ? (float*)(Arena + Capacity * register.Place + image * Stride) + first : temporaries + (-1 - register.Place) * ItemElements;

    private readonly struct Term(float factor, float* values)
    {
        public readonly float Factor = factor;
        public readonly float* Values = values;
    }

    [MethodImpl(Jit.Kernel)]
    private static void Sum(float* target, Term* terms, int length, int count)
    {
        int i = 0;
        for (; i <= count - 8; i += 8)
        {
            Vector256<float> sum = Vector256.Create(terms[0].Factor) * Vector256.Load(terms[0].Values + i);
            for (int k = 1; k < length; k++) sum = Vector256.FusedMultiplyAdd(Vector256.Create(terms[k].Factor), Vector256.Load(terms[k].Values + i), sum);
            sum.Store(target + i);
        }

        for (; i < count; i++)
        {
            float sum = terms[0].Factor * terms[0].Values[i];
            for (int k = 1; k < length; k++) sum = MathF.FusedMultiplyAdd(terms[k].Factor, terms[k].Values[i], sum);
            target[i] = sum;
        }
    }

    [MethodImpl(Jit.Kernel)]
    private static void ScaleByExponential(float* target, float slope, float* variance, float offset, int count)
    {
        int i = 0;
        for (; i <= count - 8; i += 8)
            (Vector256.Load(target + i) * Transcendental.Exp(Vector256.FusedMultiplyAdd(Vector256.Create(slope), Vector256.Load(variance + i), Vector256.Create(offset)))).Store(target + i);
        for (; i < count; i++) target[i] *= Transcendental.Exp(MathF.FusedMultiplyAdd(slope, variance[i], offset));
    }

    [MethodImpl(Jit.Kernel)]
    private static void ScaleByExponential(float* target, float slope, float* variance, float offset, float removed, int count)
    {
        int i = 0;
        for (; i <= count - 8; i += 8)
        {
            Vector256<float> sigma = Transcendental.Exp(Vector256.FusedMultiplyAdd(Vector256.Create(slope), Vector256.Load(variance + i), Vector256.Create(offset)));
            (Vector256.Load(target + i) * Vector256.Sqrt(Vector256.Max(Vector256.FusedMultiplyAdd(sigma, sigma, Vector256.Create(-removed)), Vector256<float>.Zero))).Store(target + i);
        }

        for (; i < count; i++)
        {
            float sigma = Transcendental.Exp(MathF.FusedMultiplyAdd(slope, variance[i], offset));
            target[i] *= MathF.Sqrt(MathF.Max(MathF.FusedMultiplyAdd(sigma, sigma, -removed), 0f));
        }
    }

    [MethodImpl(Jit.Kernel)]
    private static void Blend(float* target, float* known, float* mask, int count)
    {
        int i = 0;
        for (; i <= count - 8; i += 8)
        {
            Vector256<float> stays = Vector256.Load(known + i);
            Vector256.FusedMultiplyAdd(Vector256.Load(mask + i), Vector256.Load(target + i) - stays, stays).Store(target + i);
        }

        for (; i < count; i++) target[i] = MathF.FusedMultiplyAdd(mask[i], target[i] - known[i], known[i]);
    }

    [MethodImpl(Jit.Kernel)]
    private static void Clip(float* target, float bound, int count)
    {
        Vector256<float> most = Vector256.Create(bound), least = -most;
        int i = 0;
        for (; i <= count - 8; i += 8) Vector256.Min(Vector256.Max(Vector256.Load(target + i), least), most).Store(target + i);
        for (; i < count; i++) target[i] = MathF.Min(MathF.Max(target[i], -bound), bound);
    }
}
