using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Specializer.Threading;

/// <summary>A piece of work that can be split over items.</summary>
internal interface IWork
{
    /// <summary>Does the items [begin, end). Called concurrently for disjoint ranges.</summary>
    /// <param name="begin">First item.</param>
    /// <param name="end">One past the last item.</param>
    /// <param name="worker">In [0, Threads): names the scratch memory that this call may use.</param>
    void Execute(int begin, int end, int worker);
}

/// <summary>Persistent threads for calls of some microseconds: no allocation and no lock contention per run, and idle threads
/// spin for a moment before they sleep, so that one small kernel can follow another.</summary>
/// <remarks>
/// Runs of several callers are served one after the other. Work must not call <see cref="Run{TWork}"/> of its own pool. Runs that fit one
/// chunk happen on the caller's thread without waiting for others, as worker 0: scratch belongs to the caller, not to the pool.
/// <para>A single word holds the run's number and the range of chunks nobody has claimed; a claim is a compare-and-swap
/// on it. A thread that comes late finds no chunk left and has touched nothing of the run, so a run never waits for a thread that still sleeps.</para>
/// <para>One half of the threads claims from the front, the other from the back: so a thread reads mostly what it has written itself in the run before, from its own cache.</para>
/// </remarks>
internal sealed unsafe class WorkerPool : IDisposable
{
    private static readonly long SpinTicks = Environment.ProcessorCount > 1 ? Stopwatch.Frequency * 30 / 1_000_000 : 0;

    private readonly Thread[] _threads;
    private readonly Lock _gate = new();
    private readonly object _idle = new();
    private readonly object _finished = new();
    private Counters _counters;
    private int _sleepers;
    private bool _callerSleeps;
    private bool _disposed;

    // The run. Written before its word is published; read only by threads that hold a claim on it.
    private delegate*<void*, int, int, int, void> _body;
    private void* _work;
    private int _items;
    private int _grain;
    private ExceptionDispatchInfo? _failure;

    /// <param name="threads">Threads that work, the caller's included.</param>
    /// <exception cref="ArgumentOutOfRangeException">Less than one.</exception>
    public WorkerPool(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        _threads = new Thread[threads - 1];
        for (var i = 0; i < _threads.Length; i++)
        {
            var worker = i + 1;
            _threads[i] = new Thread(() => Serve(worker)) { IsBackground = true, Name = $"Specializer worker {worker}" };
        }
        foreach (var thread in _threads)
            thread.Start();
    }

    /// <summary>Threads that work, the caller's included.</summary>
    public int Threads => _threads.Length + 1;

    /// <summary>Executes items [0, items) in chunks of <paramref name="grain"/>, which threads claim one by one, and returns when all are done.</summary>
    /// <param name="items">Number of items; nothing happens for 0.</param>
    /// <param name="grain">Items of a chunk, at least 1; more are taken where there would be over 65535 chunks.</param>
    /// <param name="work">Shared by all threads, not copied; may hold pointers.</param>
    /// <exception cref="ObjectDisposedException">The pool was disposed.</exception>
    /// <exception cref="InvalidOperationException">Called from inside a run on the same thread.</exception>
    /// <remarks>The first exception of the work is rethrown here after all threads have let go of it; chunks not yet begun are skipped.</remarks>
    public void Run<TWork>(int items, int grain, ref TWork work)
        where TWork : struct, IWork
    {
        ArgumentOutOfRangeException.ThrowIfNegative(items);
        ArgumentOutOfRangeException.ThrowIfLessThan(grain, 1);
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed), this);
        if (items == 0)
            return;
        if (_threads.Length == 0 || items <= grain)
        {
            work.Execute(0, items, 0);
            return;
        }
        if (_gate.IsHeldByCurrentThread)
            throw new InvalidOperationException("A worker pool cannot run work from inside its own work.");
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            // Pinned, not copied: this keeps the address valid even for a field of a heap object.
            fixed (byte* address = &Unsafe.As<TWork, byte>(ref work))
                RunShared(items, grain, &Invoke<TWork>, address);
        }
    }

    private void RunShared(int items, int grain, delegate*<void*, int, int, int, void> body, void* work)
    {
        _body = body;
        _work = work;
        _items = items;
        _grain = Math.Max(grain, (items - 1) / ushort.MaxValue + 1);
        var chunks = (items - 1) / _grain + 1;
        _counters.Unfinished = chunks;
        // A full fence: publishes the fields above, and orders the word before the look at the sleepers.
        Interlocked.Exchange(ref _counters.Unclaimed, NextRun(_counters.Unclaimed) | (uint)chunks << 16);
        if (Volatile.Read(ref _sleepers) > 0)
            Wake(chunks - 1);

        ExecuteChunks(0);
        AwaitFinish();

        _work = null;
        var failure = _failure;
        _failure = null;
        failure?.Throw();
    }

    private static long NextRun(long word) => ((word >> 32) + 1) << 32;

    private static bool HasChunks(long word) => (ushort)word != (ushort)(word >> 16);

    private static void Invoke<TWork>(void* work, int begin, int end, int worker)
        where TWork : struct, IWork =>
        Unsafe.AsRef<TWork>(work).Execute(begin, end, worker);

    private void ExecuteChunks(int worker)
    {
        var done = 0;
        var word = Volatile.Read(ref _counters.Unclaimed);
        var fromBack = worker % 2 != 0;
        while (HasChunks(word))
        {
            var claimed = fromBack ? word - (1 << 16) : word + 1;
            var seen = Interlocked.CompareExchange(ref _counters.Unclaimed, claimed, word);
            if (seen != word)
            {
                word = seen;
                continue;
            }
            // The claim holds the run open until it is reported below, so its fields stand still.
            var begin = (fromBack ? (ushort)(claimed >> 16) : (ushort)word) * _grain;
            try
            {
                if (Volatile.Read(ref _failure) is null)
                    _body(_work, begin, begin + Math.Min(_grain, _items - begin), worker);
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(e), null);
            }
            done++;
            word = claimed;
        }
        if (done != 0 && Interlocked.Add(ref _counters.Unfinished, -done) == 0 && Volatile.Read(ref _callerSleeps))
        {
            lock (_finished)
                Monitor.Pulse(_finished);
        }
    }

    private void AwaitFinish()
    {
        var start = Stopwatch.GetTimestamp();
        while (Volatile.Read(ref _counters.Unfinished) != 0)
        {
            if (Stopwatch.GetTimestamp() - start < SpinTicks)
            {
                Thread.SpinWait(4);
                continue;
            }
            lock (_finished)
            {
                Volatile.Write(ref _callerSleeps, true);
                Interlocked.MemoryBarrier();
                while (Volatile.Read(ref _counters.Unfinished) != 0)
                    Monitor.Wait(_finished);
                Volatile.Write(ref _callerSleeps, false);
            }
        }
    }

    private void Serve(int worker)
    {
        while (AwaitWork())
            ExecuteChunks(worker);
    }

    /// <summary>Returns true when a chunk may be waiting, false when the pool ends.</summary>
    private bool AwaitWork()
    {
        var start = Stopwatch.GetTimestamp();
        do
        {
            if (Volatile.Read(ref _disposed))
                return false;
            if (HasChunks(Volatile.Read(ref _counters.Unclaimed)))
                return true;
            Thread.SpinWait(4);
        }
        while (Stopwatch.GetTimestamp() - start < SpinTicks);

        lock (_idle)
        {
            // The fence of the increment pairs with the one in RunShared: either this thread sees the new word, or the caller sees a sleeper.
            Interlocked.Increment(ref _sleepers);
            while (!HasChunks(Volatile.Read(ref _counters.Unclaimed)) && !Volatile.Read(ref _disposed))
                Monitor.Wait(_idle);
            Interlocked.Decrement(ref _sleepers);
        }
        return !Volatile.Read(ref _disposed);
    }

    private void Wake(int wanted)
    {
        lock (_idle)
        {
            for (var i = Math.Min(wanted, _sleepers); i > 0; i--)
                Monitor.Pulse(_idle);
        }
    }

    /// <summary>Ends the threads, after a run in progress. May be called twice.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed)
                return;
            lock (_idle)
            {
                Volatile.Write(ref _disposed, true);
                Monitor.PulseAll(_idle);
            }
        }
        foreach (var thread in _threads)
            thread.Join();
    }

    /// <summary>The two contended words, each on a cache line of its own.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 384)]
    private struct Counters
    {
        /// <summary>High half: number of the run. Low half: first chunk that nobody has claimed (16 bits), and above it one past the last.</summary>
        [FieldOffset(128)] public long Unclaimed;
        /// <summary>Chunks whose execution has not been reported.</summary>
        [FieldOffset(256)] public int Unfinished;
    }
}
