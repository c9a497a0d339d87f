using System.Text;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;
using ILGPU.IR.Values;

namespace Specializer.Ilgpu.Intrinsics;

/// <summary>What a tensor-core kernel needs and C# cannot say: asynchronous copies to shared memory and matrix instructions whose sums stay
/// in registers. Each method becomes the PTX that <see cref="TensorCoreCode"/> prints; none runs anywhere but on CUDA from SM_80 on.
/// The first arguments, up to the one that is not a size, must be constants.</summary>
internal static class TensorCore
{
    /// <summary>Declares a warp tile's sums, all zero, and the group's shared memory. Once, at the start of a kernel.</summary>
    [IntrinsicImplementation]
    public static void Declare(int rowTiles, int columnTiles, int sharedBytes) => throw new NotSupportedException();

    /// <summary>Shared-memory address of the first declared byte.</summary>
    [IntrinsicImplementation]
    public static int Shared() => throw new NotSupportedException();

    /// <summary>Starts a copy of 16 bytes.</summary>
    [IntrinsicImplementation]
    public static void CopyAsync(int shared, ref int global) => throw new NotSupportedException();

    /// <summary>Ends a group of copies.</summary>
    [IntrinsicImplementation]
    public static void Commit() => throw new NotSupportedException();

    /// <summary>Waits until at most so many groups of this thread's copies are unfinished.</summary>
    [IntrinsicImplementation]
    public static void Wait(int groups) => throw new NotSupportedException();

    /// <summary>Adds the products of one step of 64 bytes a row to the warp tile's sums.</summary>
    /// <param name="rowTiles">Tiles of 16 pixels.</param>
    /// <param name="columnTiles">Tiles of 8 output channels.</param>
    /// <param name="weightBits">8; 4: then the sums are 16 times too large; or 16: both operands are FP16 and the sums FP32.</param>
    /// <param name="pixels">This lane's shared-memory address: row lane / 4 of the tile's pixels (64 bytes each), bytes 16·(lane % 4) on.</param>
    /// <param name="weights">The same for the weights' rows (64 or 32 bytes each).</param>
    [IntrinsicImplementation]
    public static void Multiply(int rowTiles, int columnTiles, int weightBits, int pixels, int weights) => throw new NotSupportedException();

    /// <summary>One matrix instruction for each part of the warp tile, on operands made of <paramref name="seed"/>.</summary>
    [IntrinsicImplementation]
    public static void MultiplyRegisters(int rowTiles, int columnTiles, int weightBits, int seed) => throw new NotSupportedException();

    /// <summary>Writes the warp tile's sums to shared memory.</summary>
    /// <param name="rowTiles">Tiles of 16 pixels.</param>
    /// <param name="columnTiles">Tiles of 8 output channels.</param>
    /// <param name="rowBytes">Bytes from row to row.</param>
    /// <param name="address">This lane's address: row lane / 4, columns 2·(lane % 4) on.</param>
    [IntrinsicImplementation]
    public static void Store(int rowTiles, int columnTiles, int rowBytes, int address) => throw new NotSupportedException();

    /// <summary>Lets the lanes of a warp see each other's shared-memory writes.</summary>
    [IntrinsicImplementation]
    public static void SynchronizeWarp() => throw new NotSupportedException();

    /// <summary>Reads a word of shared memory.</summary>
    [IntrinsicImplementation]
    public static int Load(int address) => throw new NotSupportedException();
}

/// <summary>Prints the PTX of <see cref="TensorCore"/>. The sums are PTX registers of our own, s0, s1, …: ILGPU never sees them, so they are
/// never spilled to local memory to pass through it.</summary>
internal static class TensorCoreCode
{
    private const string SharedName = "tensor_tile";

    public static void Generate(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        var call = (MethodCall)value;
        StringBuilder code = generator.Builder;
        switch (call.Target.Source.Name)
        {
            case nameof(TensorCore.Declare): Declare(code, Constant(call, 0), Constant(call, 1), Constant(call, 2)); break;
            case nameof(TensorCore.Shared): Result(generator, call, "mov.u32", SharedName); break;
            case nameof(TensorCore.CopyAsync): CopyAsync(code, Register(generator, call, 0), Register(generator, call, 1)); break;
            case nameof(TensorCore.Commit): code.AppendLine("\tcp.async.commit_group;"); break;
            case nameof(TensorCore.Wait): code.AppendLine($"\tcp.async.wait_group {Constant(call, 0)};"); break;
            case nameof(TensorCore.Multiply): Multiply(code, Constant(call, 0), Constant(call, 1), Constant(call, 2), Register(generator, call, 3), Register(generator, call, 4)); break;
            case nameof(TensorCore.MultiplyRegisters): MultiplyRegisters(code, Constant(call, 0), Constant(call, 1), Constant(call, 2), Register(generator, call, 3)); break;
            case nameof(TensorCore.Store): Store(code, Constant(call, 0), Constant(call, 1), Constant(call, 2), Register(generator, call, 3)); break;
            case nameof(TensorCore.SynchronizeWarp): code.AppendLine("\tbar.warp.sync 0xffffffff;"); break;
            case nameof(TensorCore.Load): Result(generator, call, "ld.shared.b32", $"[{Register(generator, call, 0)}]"); break;
            default: throw new InvalidOperationException($"No PTX for {call.Target.Source.Name}.");
        }
    }

    private static void Declare(StringBuilder code, int rowTiles, int columnTiles, int sharedBytes)
    {
        int sums = 4 * rowTiles * columnTiles;
        code.AppendLine($"\t.shared .align 16 .b8 {SharedName}[{sharedBytes}];");
        code.AppendLine($"\t.reg .b32 s<{sums}>;");
        for (int i = 0; i < sums; i++) code.AppendLine($"\tmov.b32 s{i}, 0;");
    }

    private static void CopyAsync(StringBuilder code, string shared, string global)
    {
        code.AppendLine("\t{");
        code.AppendLine("\t.reg .b64 g;");
        code.AppendLine($"\tcvta.to.global.u64 g, {global};");
        code.AppendLine($"\tcp.async.cg.shared.global [{shared}], [g], 16;");
        code.AppendLine("\t}");
    }

    /// <remarks>m16n8k16 of FP16 has the words of m16n8k32 of bytes. In both lane l holds, of rows l / 4 and l / 4 + 8, words l % 4 and l % 4 + 4 of 8 along k; of a column of the weights
    /// likewise. Which channel a word stands for does not matter as long as both operands agree, so a lane takes four neighbouring words of a
    /// row of 64 channels: one 16-byte load for two instructions, free of bank conflicts.</remarks>
    private static void Multiply(StringBuilder code, int rowTiles, int columnTiles, int weightBits, string pixels, string weights)
    {
        code.AppendLine("\t{");
        code.AppendLine($"\t.reg .b32 a<{8 * rowTiles}>, b<{4 * columnTiles}>, p<2>;");
        for (int n = 0; n < columnTiles; n++)
        {
            int b = 4 * n;
            if (weightBits != 4)
            {
                code.AppendLine($"\tld.shared.v4.b32 {{b{b}, b{b + 1}, b{b + 2}, b{b + 3}}}, [{weights}+{n * 8 * 64}];");
                continue;
            }

            // A nibble in the high half of a byte is the signed weight times 16.
            code.AppendLine($"\tld.shared.v2.b32 {{p0, p1}}, [{weights}+{n * 8 * 32}];");
            for (int half = 0; half < 2; half++)
            {
                code.AppendLine($"\tshl.b32 b{b + 2 * half}, p{half}, 4;");
                code.AppendLine($"\tand.b32 b{b + 2 * half}, b{b + 2 * half}, 0xF0F0F0F0;");
                code.AppendLine($"\tand.b32 b{b + 2 * half + 1}, p{half}, 0xF0F0F0F0;");
            }
        }

        for (int m = 0; m < rowTiles; m++)
        {
            int a = 8 * m;
            for (int half = 0; half < 2; half++)
                code.AppendLine($"\tld.shared.v4.b32 {{a{a + 4 * half}, a{a + 4 * half + 1}, a{a + 4 * half + 2}, a{a + 4 * half + 3}}}, [{pixels}+{(m * 16 + half * 8) * 64}];");
            for (int k = 0; k < 4; k += 2)
                for (int n = 0; n < columnTiles; n++)
                {
                    int s = 4 * (m * columnTiles + n), b = 4 * n + k;
                    string sums = $"{{s{s}, s{s + 1}, s{s + 2}, s{s + 3}}}";
                    code.AppendLine($"\t{Instruction(weightBits)} {sums}, {{a{a + k}, a{a + 4 + k}, a{a + k + 1}, a{a + 5 + k}}}, {{b{b}, b{b + 1}}}, {sums};");
                }
        }

        code.AppendLine("\t}");
    }

    private static void MultiplyRegisters(StringBuilder code, int rowTiles, int columnTiles, int weightBits, string seed)
    {
        code.AppendLine("\t{");
        code.AppendLine("\t.reg .b32 a<4>, b<2>;");
        // Small numbers, as bytes and as FP16.
        for (int i = 0; i < 6; i++) code.AppendLine($"\txor.b32 {(i < 4 ? "a" : "b")}{i % 4}, {seed}, {0x01020104 << i % 3};");
        for (int tile = 0; tile < rowTiles * columnTiles; tile++)
        {
            string sums = $"{{s{4 * tile}, s{4 * tile + 1}, s{4 * tile + 2}, s{4 * tile + 3}}}";
            code.AppendLine($"\t{Instruction(weightBits)} {sums}, {{a0, a1, a2, a3}}, {{b0, b1}}, {sums};");
        }

        code.AppendLine("\t}");
    }

    private static string Instruction(int weightBits) =>
        weightBits == 16 ? "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32" : "mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32";

    private static void Store(StringBuilder code, int rowTiles, int columnTiles, int rowBytes, string address)
    {
        for (int m = 0; m < rowTiles; m++)
            for (int n = 0; n < columnTiles; n++)
                for (int half = 0; half < 2; half++)
                {
                    int s = 4 * (m * columnTiles + n) + 2 * half;
                    code.AppendLine($"\tst.shared.v2.b32 [{address}+{(m * 16 + half * 8) * rowBytes + n * 32}], {{s{s}, s{s + 1}}};");
                }
    }

    private static void Result(PTXCodeGenerator generator, MethodCall call, string instruction, string operand)
    {
        string target = PTXCodeGenerator.GetStringRepresentation(generator.AllocateHardware(call));
        generator.Builder.AppendLine($"\t{instruction} %{target}, {operand};");
    }

    private static string Register(PTXCodeGenerator generator, MethodCall call, int argument) =>
        "%" + PTXCodeGenerator.GetStringRepresentation(generator.LoadHardware(call.Nodes[argument]));

    private static int Constant(MethodCall call, int argument) => call.Nodes[argument].Resolve() is PrimitiveValue constant
        ? constant.Int32Value
        : throw new InvalidOperationException($"Argument {argument} of {call.Target.Source.Name} must be a constant.");
}
