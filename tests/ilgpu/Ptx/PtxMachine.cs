using System.Runtime.CompilerServices;

namespace Specializer.Ilgpu.Tests.Ptx;

/// <summary>Runs a kernel's PTX on the processor: the only way to test tensor-core kernels where no GPU is. Global memory is this process's
/// memory. The threads of a group run one after the other from one synchronisation to the next, asynchronous copies arrive when they are waited for, and
/// <see cref="MemoryChecker"/> sees what other orders could change.</summary>
internal sealed unsafe class PtxMachine
{
    /// <summary>What every CUDA device takes, of a group.</summary>
    public const int MostThreads = 1024;
    private const int MostSharedBytes = 48 * 1024, MostParameterBytes = 4096;

    private readonly PtxProgram _program;
    private readonly Action<Lane>?[] _steps;
    private readonly bool[] _ran;

    public PtxMachine(PtxProgram program)
    {
        if (program.SharedBytes > MostSharedBytes) throw new InvalidOperationException($"{program.SharedBytes} bytes of static shared memory are too many.");
        if (program.ParameterBytes > MostParameterBytes) throw new InvalidOperationException($"{program.ParameterBytes} bytes of parameters are too many.");
        _program = program;
        _steps = [.. program.Instructions.Select(PtxInstructions.Compile)];
        _ran = new bool[_steps.Length];
    }

    public int SharedBytes => _program.SharedBytes;

    /// <summary>Instructions that no thread has come to yet.</summary>
    public IEnumerable<PtxInstruction> NotRun => _program.Instructions.Where((_, i) => !_ran[i]);

    /// <exception cref="InvalidOperationException">A driver would refuse a launch of so many groups of so many threads.</exception>
    public static void CheckGrid(long groups, int threads)
    {
        if (groups is < 1 or > int.MaxValue || threads is < 1 or > MostThreads) throw new InvalidOperationException($"{groups} groups of {threads} threads cannot be launched.");
    }

    /// <param name="parameters">As the kernel declares them.</param>
    /// <param name="memory">What it may touch.</param>
    /// <param name="groups">Of the launch.</param>
    /// <param name="threads">Of a group.</param>
    public void Launch(byte[] parameters, IEnumerable<Extent> memory, int groups, int threads)
    {
        if (parameters.Length != _program.ParameterBytes)
            throw new InvalidOperationException($"The kernel takes {_program.ParameterBytes} bytes of parameters, {parameters.Length} were given.");
        CheckGrid(groups, threads);
        MemoryChecker checker = MemoryChecker.OfThread;
        checker.BeginLaunch(_program, memory);
        for (int group = 0; group < groups; group++) RunGroup(checker, parameters, group, groups, threads);
    }

    private void RunGroup(MemoryChecker checker, byte[] parameters, int group, int groups, int threads)
    {
        var shared = new byte[_program.SharedBytes];
        var lanes = new Lane[threads];
        int stamp = checker.BeginGroup();
        for (int i = 0; i < threads; i++)
        {
            lanes[i] = new(checker, new ulong[_program.RegisterCount], parameters, shared, i, threads, group, groups) { Stamp = stamp };
            // What nobody wrote must not look like a number that somebody did.
            Array.Fill(lanes[i].Registers, 0xA5A5A5A5_A5A5A5A5);
        }

        Lane[][] warps = [.. lanes.Chunk(32)];
        while (true)
        {
            foreach (Lane[] warp in warps)
                while (RunWarp(checker, warp))
                {
                }

            int left = lanes.Count(l => l.Done);
            if (left == threads) return;
            // Conservative: newer GPUs count a thread that has left as one that arrives, and take any bar.sync for the same barrier.
            if (left > 0) throw new InvalidOperationException($"{threads - left} threads wait at a barrier; {left} have left.");
            if (lanes.Any(l => l.Next != lanes[0].Next)) throw new InvalidOperationException("Threads wait at different barriers.");
            stamp = checker.Barrier();
            foreach (Lane lane in lanes)
            {
                lane.Next++;
                lane.Stamp = stamp;
            }
        }
    }

    /// <summary>Runs every lane up to its next synchronisation. True when the warp could settle it alone.</summary>
    private bool RunWarp(MemoryChecker checker, Lane[] warp)
    {
        foreach (Lane lane in warp) RunLane(lane);
        Lane[] waiting = [.. warp.Where(l => !l.Done)];
        if (waiting.Length == 0) return false;
        PtxInstruction at = _program.Instructions[waiting[0].Next];
        if (waiting.Any(l => l.Next != waiting[0].Next)) throw new InvalidOperationException($"Lanes of a warp wait at different instructions; one at {at.Name}.");
        if (at.Name == "bar.sync") return false;
        if (waiting.Length != warp.Length || warp.Length != 32) throw new InvalidOperationException($"{at.Name} needs all 32 lanes, {waiting.Length} are there.");
        foreach (Lane lane in warp) lane.Next++;
        if (at.Name == "bar.warp.sync")
        {
            int stamp = checker.WarpBarrier();
            foreach (Lane lane in warp) lane.Stamp = stamp;
        }
        else if (at.Name.StartsWith("ldmatrix.", StringComparison.Ordinal)) MatrixInstruction.Load(at, checker, warp);
        else MatrixInstruction.Run(at, warp);
        return true;
    }

    private void RunLane(Lane lane)
    {
        while (!lane.Done)
        {
            PtxInstruction i = _program.Instructions[lane.Next];
            _ran[lane.Next] = true;
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
internal sealed class Lane(MemoryChecker checker, ulong[] registers, byte[] parameters, byte[] shared, int thread, int threads, int group, int groups)
{
    private const int CopyBytes = 16;

    private readonly Queue<List<(ulong Shared, ulong Global)>> _groups = new();
    private List<(ulong Shared, ulong Global)> _copies = [];

    public MemoryChecker Checker { get; } = checker;
    public ulong[] Registers { get; } = registers;
    public byte[] Parameters { get; } = parameters;
    public byte[] Shared { get; } = shared;
    public int Thread { get; } = thread;
    /// <summary>The next instruction; while one runs, the one behind it.</summary>
    public int Next { get; set; }
    /// <summary>Of the last synchronisation: <see cref="MemoryChecker"/>.</summary>
    public int Stamp { get; set; }
    public bool Done { get; set; }

    public ulong Special(string name) => name switch
    {
        "%tid.x" => (ulong)Thread,
        "%ntid.x" => (ulong)threads,
        "%ctaid.x" => (ulong)group,
        "%nctaid.x" => (ulong)groups,
        _ => throw new NotSupportedException($"Special register {name}."),
    };

    public void CopyLater(ulong to, ulong from)
    {
        if (to % CopyBytes != 0 || from % CopyBytes != 0) throw new InvalidOperationException($"A copy of 16 bytes from {from:x} to {to} is not aligned.");
        Checker.BeginCopy(this, to, from, CopyBytes);
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
            foreach ((ulong to, ulong from) in _groups.Dequeue())
            {
                Checker.EndCopy(this, to, from, CopyBytes);
                new ReadOnlySpan<byte>((void*)from, CopyBytes).CopyTo(Shared.AsSpan((int)to, CopyBytes));
            }
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
    public static void Load(PtxInstruction i, MemoryChecker checker, Lane[] warp)
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
            {
                // The lane that receives a word is the one that reads it.
                int word = rows[8 * block + lane / 4] + 4 * (lane % 4);
                checker.ReadShared(warp[lane], (ulong)word, 4);
                warp[lane].Registers[i.Operands[0].Vector[block]] = BitConverter.ToUInt32(warp[lane].Shared, word);
            }
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
