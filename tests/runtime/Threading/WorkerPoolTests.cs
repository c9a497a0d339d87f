using Specializer.Threading;

namespace Specializer.Runtime.Tests.Threading;

public class WorkerPoolTests
{
    private struct Count(int[] visits, int[] workers) : IWork
    {
        public void Execute(int begin, int end, int worker)
        {
            for (var i = begin; i < end; i++)
                Interlocked.Increment(ref visits[i]);
            Interlocked.Increment(ref workers[worker]);
        }
    }

    private struct Fail(int at, int[] visits) : IWork
    {
        public void Execute(int begin, int end, int worker)
        {
            Interlocked.Increment(ref visits[0]);
            if (begin <= at && at < end)
                throw new FormatException($"item {at}");
        }
    }

    private struct Nested(WorkerPool pool) : IWork
    {
        public void Execute(int begin, int end, int worker)
        {
            if (worker == 0)
            {
                var inner = new Count(new int[10], new int[pool.Threads]);
                pool.Run(10, 1, ref inner);
            }
            else
            {
                Thread.Sleep(1);
            }
        }
    }

    private struct Add : IWork
    {
        public long Sum;

        public void Execute(int begin, int end, int worker) => Interlocked.Add(ref Sum, end - begin);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(9)]
    public void EveryItemIsVisitedOnce(int threads)
    {
        using var pool = new WorkerPool(threads);
        Assert.Equal(threads, pool.Threads);
        foreach (var items in new[] { 0, 1, 2, 7, 64, 1001, 70_001 })
        {
            foreach (var grain in new[] { 1, 3, 64, int.MaxValue })
            {
                var (visits, workers) = (new int[items], new int[threads]);
                var work = new Count(visits, workers);
                pool.Run(items, grain, ref work);
                Assert.All(visits, n => Assert.Equal(1, n));
                int least = Math.Max(grain, (items - 1) / 65535 + 1); // There are no more than 65535 chunks.
                var chunks = threads == 1 ? Math.Min(items, 1) : (int)(((long)items + least - 1) / least);
                Assert.Equal(chunks, workers.Sum());
            }
        }
    }

    [Fact]
    public void TheWorkIsSharedNotCopied()
    {
        using var pool = new WorkerPool(4);
        var work = new Add();
        for (var i = 0; i < 1000; i++)
            pool.Run(100, 7, ref work);
        Assert.Equal(100_000, work.Sum);
    }

    [Fact]
    public void BackToBackRunsFromManyCallersAreServed()
    {
        using var pool = new WorkerPool(4);
        Parallel.For(0, 8, _ =>
        {
            for (var i = 0; i < 2000; i++)
            {
                var work = new Add();
                pool.Run(1 + i % 50, 1 + i % 3, ref work);
                Assert.Equal(1 + i % 50, work.Sum);
            }
        });
    }

    [Fact]
    public void SleepingThreadsAreWoken()
    {
        using var pool = new WorkerPool(2);
        for (var i = 0; i < 20; i++)
        {
            Thread.Sleep(2);
            var both = new Meet(new CountdownEvent(2));
            pool.Run(2, 1, ref both);
        }
    }

    /// <summary>Returns only when two threads are inside at once.</summary>
    private struct Meet(CountdownEvent here) : IWork
    {
        public void Execute(int begin, int end, int worker)
        {
            here.Signal();
            Assert.True(here.Wait(TimeSpan.FromSeconds(20)), "the second thread never came");
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void AnExceptionReachesTheCallerAndThePoolSurvives(int threads)
    {
        using var pool = new WorkerPool(threads);
        for (var at = 0; at < 100; at += 9)
        {
            var fail = new Fail(at, new int[1]);
            var error = Assert.Throws<FormatException>(() => pool.Run(100, 5, ref fail));
            Assert.Equal($"item {at}", error.Message);
            var (visits, workers) = (new int[100], new int[threads]);
            var work = new Count(visits, workers);
            pool.Run(100, 5, ref work);
            Assert.All(visits, n => Assert.Equal(1, n));
        }
    }

    [Fact]
    public void ARunAllocatesNothing()
    {
        using var pool = new WorkerPool(3);
        var work = new Add();
        for (var i = 0; i < 100; i++)
            pool.Run(64, 1, ref work);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
            pool.Run(64, 1, ref work);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void MisuseIsRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new WorkerPool(0));
        var pool = new WorkerPool(2);
        var work = new Add();
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.Run(-1, 1, ref work));
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.Run(1, 0, ref work));
        var nested = new Nested(pool);
        Assert.Throws<InvalidOperationException>(() => pool.Run(1000, 1, ref nested));
        pool.Dispose();
        pool.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pool.Run(1, 1, ref work));
    }

    [Theory]
    [InlineData(0)] // Threads have hardly begun.
    [InlineData(5)] // Threads sleep.
    public async Task DisposeEndsTheThreads(int milliseconds)
    {
        Task disposing = Task.Run(() =>
        {
            for (var i = 0; i < 20; i++)
            {
                var pool = new WorkerPool(4);
                Thread.Sleep(milliseconds);
                // Joins them: a thread that misses the signal never ends.
                pool.Dispose();
            }
        });
        await disposing.WaitAsync(TimeSpan.FromMinutes(1));
    }
}
