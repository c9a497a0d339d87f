using System.Runtime.CompilerServices;

namespace Specializer.Ilgpu.Tests.Ptx;

/// <summary>Runs a kernel's PTX on the processor: the only way to test tensor-core kernels where no GPU is. Global memory is this process's
/// memory. The threads of a group run one after the other from one synchronisation to the next, so a missing barrier or wait gives wrong results:
/// asynchronous copies arrive only when they are waited for.</summary>
internal sealed unsafe class PtxMachine(PtxProgram program)
{
    private readonly Action<Lane>?[] _steps = [.. program.Instructions.Select(PtxInstructions.Compile)];

    public void Launch(byte[] parameters, int groups, int threads)
    {
        if (parameters.Length != program.ParameterBytes)
            throw new InvalidOperationException($"The kernel takes {program.ParameterBytes} bytes of parameters, {parameters.Length} were given.");
        for (int group = 0; group < groups; group++) RunGroup(parameters, group, groups, threads);
    }

    private void RunGroup(byte[] parameters, int group, int groups, int threads)
    {
        var shared = new byte[program.SharedBytes];
        // What nobody wrote must not look like a result.
        Array.Fill(shared, (byte)0xA5);
        var lanes = new Lane[threads];
        for (int i = 0; i < threads; i++) lanes[i] = new(new ulong[program.RegisterCount], parameters, shared, i, threads, group, groups);
        while (true)
        {
            foreach (Lane[] warp in lanes.Chunk(32))
                while (RunWarp(warp))
                {
                }

            if (lanes.All(l => l.Done)) return;
            // Everyone is at a barrier or done; a barrier that some never reach would hang a GPU, unless they have left.
            foreach (Lane lane in lanes.Where(l => !l.Done)) lane.Next++;
        }
    }

    /// <summary>Runs every lane up to its next synchronisation. True when the warp could settle it alone.</summary>
    private bool RunWarp(Lane[] warp)
    {
        foreach (Lane lane in warp) RunLane(lane);
        Lane[] waiting = [.. warp.Where(l => !l.Done)];
        if (waiting.Length == 0) return false;
        PtxInstruction at = program.Instructions[waiting[0].Next];
        if (waiting.Any(l => l.Next != waiting[0].Next)) throw new InvalidOperationException($"Lanes of a warp wait at different instructions; one at {at.Name}.");
        if (at.Name == "bar.sync") return false;
        if (waiting.Length != warp.Length || warp.Length != 32) throw new InvalidOperationException($"{at.Name} needs all 32 lanes, {waiting.Length} are there.");
        if (at.Name.StartsWith("ldmatrix.", StringComparison.Ordinal)) MatrixInstruction.Load(at, warp);
        else if (at.Name != "bar.warp.sync") MatrixInstruction.Run(at, warp);
        foreach (Lane lane in warp) lane.Next++;
        return true;
    }

    private void RunLane(Lane lane)
    {
        while (!lane.Done)
        {
            PtxInstruction i = program.Instructions[lane.Next];
            if (_steps[lane.Next] is not { } step) return;
            if (i.Predicate is { } p && lane.Registers[p] != 0 == i.Negated) lane.Next++;
            else if (i.Target >= 0) lane.Next = i.Target;
            else
            {
                lane.Next++;
                step(lane);
            }
        }
    }
}

/// <summary>One thread.</summary>
internal sealed class Lane(ulong[] registers, byte[] parameters, byte[] shared, int thread, int threads, int group, int groups)
{
    private readonly Queue<List<(int Shared, ulong Global)>> _groups = new();
    private List<(int Shared, ulong Global)> _copies = [];

    public ulong[] Registers { get; } = registers;
    public byte[] Parameters { get; } = parameters;
    public byte[] Shared { get; } = shared;
    public int Next { get; set; }
    public bool Done { get; set; }

    public ulong Special(string name) => name switch
    {
        "%tid.x" => (ulong)thread,
        "%ntid.x" => (ulong)threads,
        "%ctaid.x" => (ulong)group,
        "%nctaid.x" => (ulong)groups,
        _ => throw new NotSupportedException($"Special register {name}."),
    };

    public void CopyLater(int to, ulong from)
    {
        if (to % 16 != 0 || from % 16 != 0) throw new InvalidOperationException($"A copy of 16 bytes from {from:x} to {to} is not aligned.");
        _copies.Add((to, from));
    }

    public void Commit()
    {
        _groups.Enqueue(_copies);
        _copies = [];
    }

    public unsafe void Wait(int left)
    {
        while (_groups.Count > left)
            foreach ((int to, ulong from) in _groups.Dequeue())
                new ReadOnlySpan<byte>((void*)from, 16).CopyTo(Shared.AsSpan(to, 16));
    }
}

/// <summary>mma.sync.aligned, m16n8k32 of bytes and m16n8k16 of FP16, as the PTX manual lays their fragments out over a warp.</summary>
internal static class MatrixInstruction
{
    public static void Run(PtxInstruction i, Lane[] warp)
    {
        // What a 32-bit word along k adds to a sum.
        Func<uint, uint, uint, uint> add = i.Name switch
        {
            "mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32" => Bytes,
            "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32" => Halves,
            _ => throw new NotSupportedException(i.Name),
        };
        var a = new uint[16, 8];
        var b = new uint[8, 8];
        for (int lane = 0; lane < 32; lane++)
            for (int word = 0; word < 4; word++)
            {
                a[lane / 4 + word % 2 * 8, lane % 4 + word / 2 * 4] = (uint)warp[lane].Registers[i.Operands[1].Vector[word]];
                if (word < 2) b[lane % 4 + word * 4, lane / 4] = (uint)warp[lane].Registers[i.Operands[2].Vector[word]];
            }

        for (int lane = 0; lane < 32; lane++)
            for (int e = 0; e < 4; e++)
            {
                int row = lane / 4 + (e < 2 ? 0 : 8), column = lane % 4 * 2 + e % 2;
                uint sum = (uint)warp[lane].Registers[i.Operands[3].Vector[e]];
                for (int k = 0; k < 8; k++) sum = add(a[row, k], b[k, column], sum);
                warp[lane].Registers[i.Operands[0].Vector[e]] = sum;
            }
    }

    /// <summary>ldmatrix: lanes 8j to 8j + 7 name the rows, 16 bytes each, of block j; lane l receives word l % 4 of row l / 4 of every block.</summary>
    public static void Load(PtxInstruction i, Lane[] warp)
    {
        if (i.Name != "ldmatrix.sync.aligned.m8n8.x4.shared.b16") throw new NotSupportedException(i.Name);
        var rows = new int[32];
        for (int lane = 0; lane < 32; lane++)
        {
            rows[lane] = checked((int)warp[lane].Registers[i.Operands[1].Register] + i.Operands[1].Offset);
            if (rows[lane] % 16 != 0) throw new InvalidOperationException($"{i.Name} from {rows[lane]:x} is not aligned.");
        }

        for (int lane = 0; lane < 32; lane++)
            for (int block = 0; block < 4; block++)
                warp[lane].Registers[i.Operands[0].Vector[block]] = BitConverter.ToUInt32(warp[lane].Shared, rows[8 * block + lane / 4] + 4 * (lane % 4));
    }

    private static uint Bytes(uint a, uint b, uint sum)
    {
        for (int shift = 0; shift < 32; shift += 8) sum += (uint)((byte)(a >> shift) * (sbyte)(b >> shift));
        return sum;
    }

    private static uint Halves(uint a, uint b, uint sum)
    {
        float result = BitConverter.UInt32BitsToSingle(sum);
        for (int shift = 0; shift < 32; shift += 16)
            result += (float)BitConverter.UInt16BitsToHalf((ushort)(a >> shift)) * (float)BitConverter.UInt16BitsToHalf((ushort)(b >> shift));
        return BitConverter.SingleToUInt32Bits(result);
    }
}
