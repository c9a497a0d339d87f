using System.Diagnostics;

namespace Specializer.GpuBenchmarks.Report;

/// <summary>When a part of the run has to stop: it asks before each figure.</summary>
internal sealed class TimeBox(Stopwatch clock, TimeSpan end)
{
    /// <summary>Something was left out.</summary>
    public bool Cut { get; private set; }

    public TimeSpan Left => end > clock.Elapsed ? end - clock.Elapsed : TimeSpan.Zero;

    /// <summary>True when there is no time for another figure.</summary>
    public bool IsOver()
    {
        bool over = Left == TimeSpan.Zero;
        Cut |= over;
        return over;
    }

    /// <summary>Does some work on as many threads as <paramref name="width"/>; the results come in order, until the time is over.</summary>
    public IEnumerable<TResult> SideBySide<T, TResult>(IEnumerable<T> items, int width, Func<T, TResult> work)
    {
        foreach (T[] together in items.Chunk(width))
        {
            if (IsOver()) yield break;
            var results = new TResult[together.Length];
            Parallel.For(0, together.Length, i => results[i] = work(together[i]));
            foreach (TResult result in results) yield return result;
        }
    }
}
