using System.Runtime.InteropServices;
using ILGPU;
using Specializer.Ilgpu.Intrinsics;

namespace Specializer.Ilgpu.Kernels;

internal struct SolverArguments
{
    public MapDimensions Shape;
    /// <summary>Drawn images.</summary>
    public int Images;
    /// <summary>The first of them are guided: what the network reads of them is repeated behind the drawn ones.</summary>
    public int Guided;
    public ArrayView<float> Arena;
    /// <summary>Registers that last no longer than the pass, [register][image][element].</summary>
    public ArrayView<float> Temporaries;
    /// <summary>Elements from image to image.</summary>
    public int Stride;
    /// <summary>The statements: see <see cref="SolverCode"/>.</summary>
    public ArrayView<int> Code;
    public int Statements;
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
                at += SolverCode.Header + 2 * length + a.Code[at + SolverCode.PerImage] * a.Images;
            }
        }
    }

    private static void Execute(SolverArguments a, int at, int length, int image, int counter, int elements)
    {
        int target = a.Code[at + SolverCode.Target], both = a.Code[at + SolverCode.BothHalves];
        Quad<float> value = default;
        if (length == 0)
        {
            int key = at + SolverCode.Header + SolverCode.KeyWords * image;
            value = DeviceNoise.Draw(new() { Seed = Long(a, key), Image = Long(a, key + 2), Step = a.Code[at + SolverCode.Draw] }, counter);
        }
        else if (a.Code[at + SolverCode.Kind] == (int)SolverStatementKind.Blend)
        {
            Quad<float> known = Load(a, a.Code[at + SolverCode.Header], image, counter, elements), mask = Load(a, a.Code[at + SolverCode.Header + 2], image, counter, elements);
            Quad<float> x = Load(a, target, image, counter, elements);
            value = new()
            {
                A = ExactMath.FusedMultiplyAdd(mask.A, x.A - known.A, known.A), B = ExactMath.FusedMultiplyAdd(mask.B, x.B - known.B, known.B),
                C = ExactMath.FusedMultiplyAdd(mask.C, x.C - known.C, known.C), D = ExactMath.FusedMultiplyAdd(mask.D, x.D - known.D, known.D),
            };
        }
        else if (a.Code[at + SolverCode.Kind] == (int)SolverStatementKind.ExponentialSigma)
        {
            float slope = Factor(a, at, 0), offset = Factor(a, at, 1);
            Quad<float> v = Load(a, a.Code[at + SolverCode.Header], image, counter, elements), x = Load(a, target, image, counter, elements);
            Quad<float> s = new()
            {
                A = DeviceFunctions.Exp(ExactMath.FusedMultiplyAdd(slope, v.A, offset)), B = DeviceFunctions.Exp(ExactMath.FusedMultiplyAdd(slope, v.B, offset)),
                C = DeviceFunctions.Exp(ExactMath.FusedMultiplyAdd(slope, v.C, offset)), D = DeviceFunctions.Exp(ExactMath.FusedMultiplyAdd(slope, v.D, offset)),
            };
            if (length == 3)
            {
                float removed = Factor(a, at, 2, length, image);
                s = new()
                {
                    A = Root(ExactMath.FusedMultiplyAdd(s.A, s.A, -removed)), B = Root(ExactMath.FusedMultiplyAdd(s.B, s.B, -removed)),
                    C = Root(ExactMath.FusedMultiplyAdd(s.C, s.C, -removed)), D = Root(ExactMath.FusedMultiplyAdd(s.D, s.D, -removed)),
                };
            }

            value = new() { A = ExactMath.Multiply(x.A, s.A), B = ExactMath.Multiply(x.B, s.B), C = ExactMath.Multiply(x.C, s.C), D = ExactMath.Multiply(x.D, s.D) };
        }
        else if (a.Code[at + SolverCode.Kind] == (int)SolverStatementKind.RootSigma)
        {
            Quad<float> v = Load(a, a.Code[at + SolverCode.Header], image, counter, elements), x = Load(a, target, image, counter, elements);
            if (length == 2)
            {
                float removed = Factor(a, at, 1, length, image);
                value = new() { A = Root(v.A - removed), B = Root(v.B - removed), C = Root(v.C - removed), D = Root(v.D - removed) };
            }
            else
            {
                value = new() { A = MathF.Sqrt(v.A), B = MathF.Sqrt(v.B), C = MathF.Sqrt(v.C), D = MathF.Sqrt(v.D) };
            }

            value = new() { A = ExactMath.Multiply(x.A, value.A), B = ExactMath.Multiply(x.B, value.B), C = ExactMath.Multiply(x.C, value.C), D = ExactMath.Multiply(x.D, value.D) };
        }
        else if (a.Code[at + SolverCode.Kind] == (int)SolverStatementKind.Clip)
        {
            float bound = Factor(a, at, 0);
            Quad<float> x = Load(a, target, image, counter, elements);
            value = new() { A = Clip(x.A, bound), B = Clip(x.B, bound), C = Clip(x.C, bound), D = Clip(x.D, bound) };
        }
        else
        {
            for (int k = 0; k < length; k++)
            {
                float factor = Factor(a, at, k, length, image);
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
        if (image < a.Guided && both != 0) Store(a, target, a.Images + image, counter, elements, value);
    }

    private static float Factor(SolverArguments a, int at, int term) => Interop.IntAsFloat((uint)a.Code[at + SolverCode.Header + 2 * term + 1]);

    /// <summary>A factor that may be an image's own: σ' or c.</summary>
    private static float Factor(SolverArguments a, int at, int term, int length, int image) =>
        term == a.Code[at + SolverCode.Sigma] ? Interop.IntAsFloat((uint)a.Code[at + SolverCode.Header + 2 * length + image]) : Factor(a, at, term);

    /// <summary>√max(value, 0).</summary>
    private static float Root(float value) => MathF.Sqrt(value <= 0f ? 0f : value);

    private static ulong Long(SolverArguments a, int at) => (uint)a.Code[at] | (ulong)(uint)a.Code[at + 1] << 32;

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

/// <summary>Statements as words: a header, for each term the register and the factor's bits, then what differs from image to image: of a draw seed and index, of a sum that injects noise σ', of a learned deviation c.</summary>
internal static class SolverCode
{
    /// <summary>Words of a header: the target, whether both halves get it, the number of terms (0 for a draw), the kind, the draw, the term whose factor is σ' or c (−1 for none), and the words for each image.</summary>
    public const int Target = 0, BothHalves = 1, Length = 2, Kind = 3, Draw = 4, Sigma = 5, PerImage = 6, Header = 7;

    /// <summary>Words of an image's seed and index.</summary>
    public const int KeyWords = 4;

    /// <summary>Writes statements.</summary>
    /// <param name="statements">At least one.</param>
    /// <param name="capacity">Of the session: registers with memory become their start in the arena, in units of 64 bytes.</param>
    /// <param name="images">The drawn images.</param>
    /// <param name="sigmas">σ' of those that are guided, the first ones.</param>
    /// <param name="removed">c of the same.</param>
    /// <param name="code">As many words as <see cref="Words"/> says.</param>
    public static void Write(ReadOnlySpan<SolverStatement> statements, int capacity, ReadOnlySpan<DrawnImage> images, ReadOnlySpan<float> sigmas, ReadOnlySpan<float> removed, Span<int> code)
    {
        foreach (ref readonly SolverStatement statement in statements)
        {
            int length = statement.Sum.Count;
            code[Target] = Place(statement.Target, capacity);
            code[BothHalves] = statement.Target.BothHalves ? 1 : 0;
            code[Length] = length;
            code[Kind] = (int)statement.Kind;
            code[Draw] = statement.DrawIndex;
            code[Sigma] = statement.Sum.SigmaTerm;
            code[PerImage] = WordsPerImage(statement);
            for (int k = 0; k < length; k++)
            {
                code[Header + 2 * k] = Place(statement.Sum[k].Register, capacity);
                code[Header + 2 * k + 1] = BitConverter.SingleToInt32Bits(statement.Sum[k].Factor);
            }

            code = code[(Header + 2 * length)..];
            for (int image = 0; image < images.Length && statement.Kind == SolverStatementKind.Draw; image++)
                MemoryMarshal.Cast<ulong, int>([images[image].Seed, (ulong)images[image].Index]).CopyTo(code[(KeyWords * image)..]);
            ReadOnlySpan<float> own = statement.Kind == SolverStatementKind.Sum ? sigmas : removed;
            for (int image = 0; image < images.Length && statement.Sum.SigmaTerm >= 0; image++)
                code[image] = BitConverter.SingleToInt32Bits(image < own.Length ? own[image] : statement.Sum[statement.Sum.SigmaTerm].Factor);
            code = code[(WordsPerImage(statement) * images.Length)..];
        }
    }

    /// <summary>Words that statements take for so many images.</summary>
    public static int Words(ReadOnlySpan<SolverStatement> statements, int images)
    {
        int words = 0;
        foreach (ref readonly SolverStatement statement in statements) words += Header + 2 * statement.Sum.Count + WordsPerImage(statement) * images;
        return words;
    }

    private static int WordsPerImage(in SolverStatement statement) => statement.Kind == SolverStatementKind.Draw ? KeyWords : statement.Sum.SigmaTerm >= 0 ? 1 : 0;

    private static int Place(SolverRegister register, int capacity) => checked((int)(register.HasMemory ? capacity * register.Place / 64 : register.Place));
}
