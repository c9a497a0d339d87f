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

    /// <summary>Where an element of global memory is. Elements that are not there may be asked for, as long as nothing reads them.</summary>
    [IntrinsicImplementation]
    public static long GlobalAddress(ref int element) => throw new NotSupportedException();

    /// <summary>Starts a copy of 16 bytes from an address of global memory.</summary>
    [IntrinsicImplementation]
    public static void CopyAsync(int shared, long global) => throw new NotSupportedException();

    /// <summary>Ends a group of copies.</summary>
    [IntrinsicImplementation]
    public static void Commit() => throw new NotSupportedException();

    /// <summary>Waits until at most so many groups of this thread's copies are unfinished.</summary>
    [IntrinsicImplementation]
    public static void Wait(int groups) => throw new NotSupportedException();

    /// <summary>Adds the products of one step of 64 bytes a row to the warp tile's sums.</summary>
    /// <param name="rowTiles">Tiles of 16 pixels.</param>
    /// <param name="columnTiles">Tiles of 8 output channels.</param>
    /// <param name="weightBits">8; 4: then the sums are 16 times too large; 16: both operands are FP16 and the sums FP32; or 32: FP32, with the plain instruction.</param>
    /// <param name="pixels">Shared-memory address of this lane's row of the tile's pixels: <see cref="Kernels.TensorTile.PixelLane"/>.</param>
    /// <param name="weights">The same for the weights: <see cref="Kernels.TensorTile.WeightLane"/>.</param>
    [IntrinsicImplementation]
    public static void Multiply(int rowTiles, int columnTiles, int weightBits, int pixels, int weights) => throw new NotSupportedException();

    /// <summary>One matrix instruction for each part of the warp tile, on operands made of <paramref name="seed"/>.</summary>
    [IntrinsicImplementation]
    public static void MultiplyRegisters(int rowTiles, int columnTiles, int weightBits, int seed) => throw new NotSupportedException();

    /// <summary>Writes 32 columns of the warp tile's sums to shared memory.</summary>
    /// <param name="rowTiles">Tiles of 16 pixels.</param>
    /// <param name="columnTiles">Tiles of 8 output channels.</param>
    /// <param name="weightBits">As in <see cref="Multiply"/>.</param>
    /// <param name="first">The first of the four tiles of 8 that are written.</param>
    /// <param name="rowBytes">Bytes from row to row.</param>
    /// <param name="address">This lane's address: row lane / 4, columns 2·(lane % 4) on.</param>
    [IntrinsicImplementation]
    public static void Store(int rowTiles, int columnTiles, int weightBits, int first, int rowBytes, int address) => throw new NotSupportedException();

    /// <summary>Lets the lanes of a warp see each other's shared-memory writes.</summary>
    [IntrinsicImplementation]
    public static void SynchronizeWarp() => throw new NotSupportedException();

    /// <summary>Reads a word of shared memory.</summary>
    [IntrinsicImplementation]
    public static int Load(int address) => throw new NotSupportedException();

    /// <summary>Writes a word of shared memory.</summary>
    [IntrinsicImplementation]
    public static void StoreWord(int address, int value) => throw new NotSupportedException();
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
            case nameof(TensorCore.GlobalAddress): Result(generator, call, "cvta.to.global.u64", Register(generator, call, 0)); break;
            case nameof(TensorCore.CopyAsync): code.AppendLine($"\tcp.async.cg.shared.global [{Register(generator, call, 0)}], [{Register(generator, call, 1)}], 16;"); break;
            case nameof(TensorCore.Commit): code.AppendLine("\tcp.async.commit_group;"); break;
            case nameof(TensorCore.Wait): code.AppendLine($"\tcp.async.wait_group {Constant(call, 0)};"); break;
            case nameof(TensorCore.Multiply): Multiply(code, Constant(call, 0), Constant(call, 1), Constant(call, 2), Register(generator, call, 3), Register(generator, call, 4)); break;
            case nameof(TensorCore.MultiplyRegisters): MultiplyRegisters(code, Constant(call, 0), Constant(call, 1), Constant(call, 2), Register(generator, call, 3)); break;
            case nameof(TensorCore.Store): Store(code, Constant(call, 0), Constant(call, 1), Constant(call, 2), Constant(call, 3), Constant(call, 4), Register(generator, call, 5)); break;
            case nameof(TensorCore.SynchronizeWarp): code.AppendLine("\tbar.warp.sync 0xffffffff;"); break;
            case nameof(TensorCore.Load): Result(generator, call, "ld.shared.b32", $"[{Register(generator, call, 0)}]"); break;
            case nameof(TensorCore.StoreWord): code.AppendLine($"\tst.shared.b32 [{Register(generator, call, 0)}], {Register(generator, call, 1)};"); break;
            default: throw new InvalidOperationException($"No PTX for {call.Target.Source.Name}.");
        }
    }

    private static void Declare(StringBuilder code, int rowTiles, int columnTiles, int sharedBytes)
    {
        int sums = 4 * rowTiles * columnTiles;
        // Addresses are told apart by bits below 64.
        code.AppendLine($"\t.shared .align 128 .b8 {SharedName}[{sharedBytes}];");
        code.AppendLine($"\t.reg .b32 s<{sums}>;");
        for (int i = 0; i < sums; i++) code.AppendLine($"\tmov.b32 s{i}, 0;");
    }

    /// <remarks>m16n8k16 of FP16 has the words of m16n8k32 of bytes. A matrix load gives every lane of a warp a word of each of four blocks of 8 rows by 16 bytes, in the
    /// order in which the matrix instruction takes them: of the pixels 16 rows by 32 bytes, of the weights 8 rows by 64. 4-bit weights are
    /// repacked so that a lane finds its words of 64 channels in two (<see cref="Kernels.RepackKernels"/>).</remarks>
    private static void Multiply(StringBuilder code, int rowTiles, int columnTiles, int weightBits, string pixels, string weights)
    {
        if (weightBits == 32)
        {
            MultiplyFloats(code, 2 * rowTiles, 2 * columnTiles, pixels, weights);
            return;
        }

        code.AppendLine("\t{");
        code.AppendLine($"\t.reg .b32 a<{4 * rowTiles}>, b<{4 * columnTiles}>, p<2>;");
        for (int n = 0; n < columnTiles; n++)
        {
            int b = 4 * n;
            if (weightBits != 4)
            {
                LoadMatrices(code, "b", b, weights, n * 8 * 64);
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

        for (int half = 0; half < 2; half++)
        {
            // The other 32 bytes of a row: the pieces' places differ in one bit.
            if (half == 1) code.AppendLine($"\txor.b32 p0, {pixels}, 32;");
            for (int m = 0; m < rowTiles; m++) LoadMatrices(code, "a", 4 * m, half == 0 ? pixels : "p0", m * 16 * 64);
            for (int m = 0; m < rowTiles; m++)
                for (int n = 0; n < columnTiles; n++)
                {
                    int s = 4 * (m * columnTiles + n), a = 4 * m, b = 4 * n + 2 * half;
                    string sums = $"{{s{s}, s{s + 1}, s{s + 2}, s{s + 3}}}";
                    code.AppendLine($"\t{Instruction(weightBits)} {sums}, {{a{a}, a{a + 1}, a{a + 2}, a{a + 3}}}, {{b{b}, b{b + 1}}}, {sums};");
                }
        }

        code.AppendLine("\t}");
    }

    /// <summary>A lane's rows, every eighth, by its columns, every fourth: 16 channels, one after the other.</summary>
    private static void MultiplyFloats(StringBuilder code, int rows, int columns, string pixels, string weights)
    {
        code.AppendLine("\t{");
        code.AppendLine($"\t.reg .b32 a<{4 * rows}>, b<{4 * columns}>, p<2>;");
        for (int piece = 0; piece < 4; piece++)
        {
            // Every eighth row has its pieces in the same places; of every fourth column every other one, the others in those two further on.
            code.AppendLine($"\txor.b32 p0, {pixels}, {16 * piece};");
            for (int i = 0; i < rows; i++) LoadFour(code, "a", 4 * i, "p0", i * 8 * 64);
            for (int odd = 0; odd < 2; odd++)
            {
                code.AppendLine($"\txor.b32 p1, {weights}, {16 * (piece ^ 2 * odd)};");
                for (int j = odd; j < columns; j += 2) LoadFour(code, "b", 4 * j, "p1", j * 4 * 64);
            }

            for (int k = 0; k < 4; k++)
                for (int i = 0; i < rows; i++)
                    for (int j = 0; j < columns; j++)
                        code.AppendLine($"\tfma.rn.f32 s{i * columns + j}, a{4 * i + k}, b{4 * j + k}, s{i * columns + j};");
        }

        code.AppendLine("\t}");
    }

    private static void LoadFour(StringBuilder code, string register, int first, string address, int offset) =>
        code.AppendLine($"\tld.shared.v4.b32 {{{register}{first}, {register}{first + 1}, {register}{first + 2}, {register}{first + 3}}}, [{address}+{offset}];");

    private static void LoadMatrices(StringBuilder code, string register, int first, string address, int offset) =>
        code.AppendLine($"\tldmatrix.sync.aligned.m8n8.x4.shared.b16 {{{register}{first}, {register}{first + 1}, {register}{first + 2}, {register}{first + 3}}}, [{address}+{offset}];");

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

    private static void Store(StringBuilder code, int rowTiles, int columnTiles, int weightBits, int first, int rowBytes, string address)
    {
        for (int row = 0; row < 2 * rowTiles; row++)
        {
            if (weightBits == 32)
            {
                for (int n = 2 * first; n < 2 * first + 8; n++)
                    code.AppendLine($"\tst.shared.b32 [{address}+{row * 8 * rowBytes + (n - 2 * first) * 16}], s{row * 2 * columnTiles + n};");
                continue;
            }

            for (int n = 0; n < 4; n++)
            {
                int s = 4 * (row / 2 * columnTiles + first + n) + row % 2 * 2;
                code.AppendLine($"\tst.shared.v2.b32 [{address}+{row * 8 * rowBytes + n * 32}], {{s{s}, s{s + 1}}};");
            }
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
