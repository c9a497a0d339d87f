using System.Diagnostics.CodeAnalysis;

namespace Specializer.Ilgpu.Tests.Ptx;

/// <summary>Memory of this process that a launch may touch.</summary>
internal readonly record struct Extent(ulong Start, ulong Bytes);

/// <summary>Finds what a GPU would punish and <see cref="PtxMachine"/>, whose threads take turns, would not show: accesses to the same memory of which one is a write and
/// that nothing orders, accesses outside what a launch was given, reads of shared memory that nobody wrote, and the use of a copy that is still under way.</summary>
/// <remarks>An access happens before another of another thread when a barrier of the group stands between them, or, within a warp, bar.warp.sync. Matrix instructions order nothing, nor
/// does anything order the groups of a launch. Every such event has a stamp from one clock, so a stamp and a thread are all that must be kept of an access, and stamps
/// from before a launch mean nothing: the tables are never cleared.</remarks>
internal sealed class MemoryChecker
{
    /// <summary>Set in <see cref="Access.Instruction"/> while a copy is under way.</summary>
    private const int UnderWay = 0x8000;

    [ThreadStatic] private static MemoryChecker? _ofThread;

    private readonly List<int> _groups = [];
    private PtxProgram _program = null!;
    private Region[] _regions = [];
    private Granule[] _shared = [], _global = [];
    private int _clock, _launch, _group, _barrier, _shift;

    private MemoryChecker()
    {
    }

    /// <summary>A launch runs on one thread.</summary>
    public static MemoryChecker OfThread => _ofThread ??= new();

    public void BeginLaunch(PtxProgram program, IEnumerable<Extent> memory)
    {
        if (program.Instructions.Length >= UnderWay) throw new NotSupportedException($"{program.Instructions.Length} instructions are too many.");
        _program = program;
        // Words, unless something smaller is stored: neighbouring bytes may be different threads'.
        _shift = program.Instructions.Any(i => i.IsMemoryAccess && i.AccessBytes < 4) ? 0 : 2;
        var regions = new List<Region>();
        int next = 0;
        foreach (Extent extent in memory.Where(e => e.Bytes > 0).OrderBy(e => e.Start))
        {
            ulong end = extent.Start + extent.Bytes;
            if (regions.Count > 0 && extent.Start <= regions[^1].End)
            {
                if (end <= regions[^1].End) continue;
                Region merged = regions[^1] with { End = end };
                regions[^1] = merged;
                next = merged.Index(end - 1, _shift) + 1;
                continue;
            }

            var region = new Region(extent.Start, end, next);
            regions.Add(region);
            next = region.Index(end - 1, _shift) + 1;
        }

        _regions = [.. regions];
        Grow(ref _global, next);
        Grow(ref _shared, (program.SharedBytes + 3) / 4);
        _groups.Clear();
        _launch = Tick();
    }

    /// <summary>Returns the stamp of its threads' first accesses.</summary>
    public int BeginGroup()
    {
        _groups.Add(_group = Tick());
        return _barrier = _group;
    }

    public int Barrier() => _barrier = Tick();

    public int WarpBarrier() => Tick();

    public void ReadShared(Lane lane, ulong at, int bytes)
    {
        foreach (ref Granule granule in Shared(lane, at, bytes))
        {
            if (granule.Write.Stamp < _group) Fail(lane, $"shared memory at {at}, where nobody has written yet");
            Read(ref granule, lane, at, _group);
        }
    }

    public void WriteShared(Lane lane, ulong at, int bytes)
    {
        foreach (ref Granule granule in Shared(lane, at, bytes)) Write(ref granule, lane, at, _group, 0);
    }

    public void ReadGlobal(Lane lane, ulong at, int bytes)
    {
        foreach (ref Granule granule in Global(lane, at, bytes)) Read(ref granule, lane, at, _launch);
    }

    public void WriteGlobal(Lane lane, ulong at, int bytes)
    {
        foreach (ref Granule granule in Global(lane, at, bytes)) Write(ref granule, lane, at, _launch, 0);
    }

    /// <summary>An asynchronous copy may write from now on, until its thread has waited for it.</summary>
    public void BeginCopy(Lane lane, ulong to, ulong from, int bytes)
    {
        ReadGlobal(lane, from, bytes);
        foreach (ref Granule granule in Shared(lane, to, bytes)) Write(ref granule, lane, to, _group, UnderWay);
    }

    /// <summary>Now it is a write of its thread like any other, and has read until now.</summary>
    public void EndCopy(Lane lane, ulong to, ulong from, int bytes)
    {
        ReadGlobal(lane, from, bytes);
        foreach (ref Granule granule in Shared(lane, to, bytes)) granule.Write = new(lane.Stamp, lane.Thread, granule.Write.Instruction & ~UnderWay);
    }

    private void Read(ref Granule granule, Lane lane, ulong at, int since)
    {
        if (granule.Write.Stamp >= since) Check(granule.Write, lane, at, since, "wrote");
        Access last = granule.LastRead;
        if (last.Stamp == lane.Stamp && last.Thread == lane.Thread) return;
        // Of earlier reads the one that is the hardest to order before a later write says enough: it is of another group, or another warp, if there is one.
        if (Distance(last, lane, since) >= Distance(granule.OtherRead, lane, since)) granule.OtherRead = last;
        granule.LastRead = new(lane.Stamp, lane.Thread, lane.Next - 1);
    }

    private void Write(ref Granule granule, Lane lane, ulong at, int since, int flag)
    {
        if (granule.Write.Stamp >= since) Check(granule.Write, lane, at, since, "wrote");
        if (granule.LastRead.Stamp >= since) Check(granule.LastRead, lane, at, since, "read");
        if (granule.OtherRead.Stamp >= since) Check(granule.OtherRead, lane, at, since, "read");
        granule.Write = new(lane.Stamp, lane.Thread, lane.Next - 1 | flag);
    }

    private void Check(Access earlier, Lane lane, ulong at, int since, string did)
    {
        bool underWay = (earlier.Instruction & UnderWay) != 0;
        int distance = Distance(earlier, lane, since);
        if (distance == 0 && !underWay) return;
        string what = $"{(since == _group ? "shared" : "global")} memory at {at:x}", by = $"thread {earlier.Thread} of group {_groups.FindLastIndex(start => start <= earlier.Stamp)}";
        string with = Name(earlier.Instruction & ~UnderWay);
        Fail(lane, underWay ? $"{what}, to which {by} is still copying ({with})" : $"{what}, which {by} {did} ({with}), and nothing orders the two");
    }

    /// <summary>0 when an access happens before what a thread does now; otherwise what keeps them apart: 1 the lanes of a warp, 2 warps, 3 groups.</summary>
    private int Distance(Access earlier, Lane lane, int since)
    {
        if (earlier.Stamp < since) return 0;
        if (earlier.Stamp < _group) return 3;
        if (earlier.Stamp < _barrier || earlier.Thread == lane.Thread) return 0;
        if (earlier.Thread / 32 != lane.Thread / 32) return 2;
        return earlier.Stamp < lane.Stamp ? 0 : 1;
    }

    private Span<Granule> Shared(Lane lane, ulong at, int bytes)
    {
        if (at > (ulong)_program.SharedBytes || (ulong)bytes > (ulong)_program.SharedBytes - at) Fail(lane, $"{bytes} bytes of shared memory at {at}; there are {_program.SharedBytes}");
        return _shared.AsSpan((int)at / 4, (bytes + 3) / 4);
    }

    private Span<Granule> Global(Lane lane, ulong at, int bytes)
    {
        foreach (ref readonly Region region in _regions.AsSpan())
            if (at >= region.Start && at < region.End && (ulong)bytes <= region.End - at)
            {
                int first = region.Index(at, _shift);
                return _global.AsSpan(first, region.Index(at + (ulong)bytes - 1, _shift) + 1 - first);
            }

        Fail(lane, $"{bytes} bytes of global memory at {at:x}, outside of what the launch was given");
        return default;
    }

    [DoesNotReturn]
    private void Fail(Lane lane, string what) =>
        throw new InvalidOperationException($"Thread {lane.Thread} of group {_groups.Count - 1} accesses by {Name(lane.Next - 1)} {what}.");

    private string Name(int instruction) => $"instruction {instruction}, {_program.Instructions[instruction]},";

    private int Tick() => _clock = checked(_clock + 1);

    private static void Grow(ref Granule[] table, int length)
    {
        if (table.Length < length) table = new Granule[length];
    }

    /// <summary>Addresses, and where their part of the table begins.</summary>
    private readonly record struct Region(ulong Start, ulong End, int First)
    {
        public int Index(ulong at, int shift) => First + checked((int)((at >> shift) - (Start >> shift)));
    }

    private readonly struct Access(int stamp, int thread, int instruction)
    {
        public readonly int Stamp = stamp;
        private readonly ushort _thread = (ushort)thread, _instruction = (ushort)instruction;
        public int Thread => _thread;
        public int Instruction => _instruction;
    }

    /// <summary>A word or byte.</summary>
    private struct Granule
    {
        public Access LastRead, OtherRead, Write;
    }
}
