using ILGPU;
using Specializer.Ilgpu.Intrinsics;

namespace Specializer.Ilgpu.Kernels;

internal struct SolverArguments
{
    public MapDimensions Shape;
    /// <summary>Drawn images.</summary>
    public int Images;
    /// <summary>1 under guidance: the second half of the batch repeats what the network reads of the first.</summary>
    public int Twice;
    public ArrayView<float> Arena;
    /// <summary>Registers that last no longer than the pass, [register][image][element].</summary>
    public ArrayView<float> Temporaries;
    /// <summary>Elements from image to image.</summary>
    public int Stride;
    /// <summary>The statements: see <see cref="SolverCode"/>.</summary>
    public ArrayView<int> Code;
    public int Statements;
    public NoiseKey Noise;
}

/// <summary>One pass of a solver's statements, with the noise drawn where it is used. An item is four elements, one Philox counter, which one thread takes through all statements.</summary>
internal static class SolverKernel
{
    public static void Literal<TShape>(SolverArguments a) where TShape : struct, IMapShape => Run(a, default(TShape));

    public static void Dynamic(SolverArguments a) => Run(a, a.Shape);

    private static void Run<TShape>(SolverArguments a, TShape shape)
        where TShape : struct, IMapShape
    {
        int elements = shape.Height * shape.Width * shape.Channels, counters = (elements + 3) / 4;
        for (int item = Share.Start; item < a.Images * counters; item += Share.Step)
        {
            int image = item / counters, counter = item % counters, at = 0;
            for (int i = 0; i < a.Statements; i++)
            {
                int length = a.Code[at + SolverCode.Length];
                Execute(a, at, length, image, counter, elements);
                at += SolverCode.Header + 2 * length;
            }
        }
    }

    private static void Execute(SolverArguments a, int at, int length, int image, int counter, int elements)
    {
        int target = a.Code[at + SolverCode.Target], both = a.Code[at + SolverCode.BothHalves];
        Quad<float> value = default;
        if (length == 0)
        {
            NoiseKey key = a.Noise;
            key.Step = a.Code[at + SolverCode.Draw];
            value = DeviceNoise.Draw(key, image, counter);
        }
        else if (a.Code[at + SolverCode.Clips] != 0)
        {
            float bound = Factor(a, at, 0);
            Quad<float> x = Load(a, target, image, counter, elements);
            value = new() { A = Clip(x.A, bound), B = Clip(x.B, bound), C = Clip(x.C, bound), D = Clip(x.D, bound) };
        }
        else
        {
            for (int k = 0; k < length; k++)
            {
                float factor = Factor(a, at, k);
                Quad<float> x = Load(a, a.Code[at + SolverCode.Header + 2 * k], image, counter, elements);
                value = k == 0
                    ? new() { A = ExactMath.Multiply(factor, x.A), B = ExactMath.Multiply(factor, x.B), C = ExactMath.Multiply(factor, x.C), D = ExactMath.Multiply(factor, x.D) }
                    : new()
                    {
                        A = ExactMath.FusedMultiplyAdd(factor, x.A, value.A), B = ExactMath.FusedMultiplyAdd(factor, x.B, value.B),
                        C = ExactMath.FusedMultiplyAdd(factor, x.C, value.C), D = ExactMath.FusedMultiplyAdd(factor, x.D, value.D),
                    };
            }
        }

        Store(a, target, image, counter, elements, value);
        if (a.Twice != 0 && both != 0) Store(a, target, a.Images + image, counter, elements, value);
    }

    private static float Factor(SolverArguments a, int at, int term) => Interop.IntAsFloat((uint)a.Code[at + SolverCode.Header + 2 * term + 1]);

    private static float Clip(float value, float bound) => value < -bound ? -bound : value > bound ? bound : value;

    private static Quad<float> Load(SolverArguments a, int place, int image, int counter, int elements)
    {
        ArrayView<float> from = place < 0 ? a.Temporaries : a.Arena;
        long start = Start(a, place, image);
        int element = 4 * counter;
        return new()
        {
            A = from[start + element], B = element + 1 < elements ? from[start + element + 1] : 0f,
            C = element + 2 < elements ? from[start + element + 2] : 0f, D = element + 3 < elements ? from[start + element + 3] : 0f,
        };
    }

    private static void Store(SolverArguments a, int place, int image, int counter, int elements, Quad<float> value)
    {
        ArrayView<float> to = place < 0 ? a.Temporaries : a.Arena;
        long start = Start(a, place, image);
        int element = 4 * counter;
        to[start + element] = value.A;
        if (element + 1 < elements) to[start + element + 1] = value.B;
        if (element + 2 < elements) to[start + element + 2] = value.C;
        if (element + 3 < elements) to[start + element + 3] = value.D;
    }

    private static long Start(SolverArguments a, int place, int image) =>
        place < 0 ? ((long)(-1 - place) * a.Images + image) * a.Stride : 16L * place + (long)image * a.Stride;
}

/// <summary>Statements as words: a header, then for each term the register and the factor's bits.</summary>
internal static class SolverCode
{
    /// <summary>Words of a header: the target, whether both halves get it, the number of terms (0 for a draw), whether it clips, and the draw.</summary>
    public const int Target = 0, BothHalves = 1, Length = 2, Clips = 3, Draw = 4, Header = 5;

    /// <summary>Writes statements.</summary>
    /// <param name="statements">At least one.</param>
    /// <param name="capacity">Of the session: registers with memory become their start in the arena, in units of 64 bytes.</param>
    /// <param name="code">As many words as <see cref="Words"/> says.</param>
    public static void Write(ReadOnlySpan<SolverStatement> statements, int capacity, Span<int> code)
    {
        foreach (ref readonly SolverStatement statement in statements)
        {
            int length = statement.Sum.Count;
            code[Target] = Place(statement.Target, capacity);
            code[BothHalves] = statement.Target.BothHalves ? 1 : 0;
            code[Length] = length;
            code[Clips] = statement.Kind == SolverStatementKind.Clip ? 1 : 0;
            code[Draw] = statement.DrawIndex;
            for (int k = 0; k < length; k++)
            {
                code[Header + 2 * k] = Place(statement.Sum[k].Register, capacity);
                code[Header + 2 * k + 1] = BitConverter.SingleToInt32Bits(statement.Sum[k].Factor);
            }

            code = code[(Header + 2 * length)..];
        }
    }

    /// <summary>Words that statements take.</summary>
    public static int Words(ReadOnlySpan<SolverStatement> statements)
    {
        int words = 0;
        foreach (ref readonly SolverStatement statement in statements) words += Header + 2 * statement.Sum.Count;
        return words;
    }

    private static int Place(SolverRegister register, int capacity) => register.HasMemory ? checked((int)((long)capacity * register.Place / 64)) : register.Place;
}
