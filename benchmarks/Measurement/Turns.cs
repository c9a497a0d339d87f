using System.Diagnostics;

namespace Specializer.Benchmarks.Measurement;

/// <summary>One way of doing the same work.</summary>
/// <param name="Configuration">Its name in tables.</param>
/// <param name="Run">Does the work <paramref name="Times"/> times.</param>
/// <param name="Times">More than once where runs differ by plan.</param>
internal sealed record Contender(string Configuration, Action Run, int Times = 1);

/// <summary>Milliseconds of one contender, one number a round.</summary>
internal sealed record Timing(Contender Contender, double[] Rounds)
{
    public double Milliseconds => Statistics.Median(Rounds);

    /// <summary>How many times faster this is than <paramref name="other"/>: the median of the rounds' ratios, so that a disturbance of
    /// the machine, which hits neighbours in time alike, cancels.</summary>
    public double RatioTo(Timing other) => Statistics.Median([.. other.Rounds.Zip(Rounds, (theirs, ours) => theirs / ours)]);
}

/// <summary>Measures contenders in turn, A B C A B C …, within one process.</summary>
internal static class Turns
{
    private const int FewestRuns = 3;

    /// <summary>After which a turn ends with fewer: a decoder's run takes ten seconds.</summary>
    private const double LongTurnMilliseconds = 2000;

    /// <param name="contenders">What to compare.</param>
    /// <param name="rounds">How often each gets a turn; the first round warms up and is not counted.</param>
    /// <param name="turnMilliseconds">A turn lasts at least this long, and three runs or two seconds.</param>
    /// <param name="processorTime">True to count the process's processor time instead of the wall clock's: right for one thread on a busy machine, meaningless for several.</param>
    public static Timing[] Measure(IReadOnlyList<Contender> contenders, int rounds, double turnMilliseconds, bool processorTime = false)
    {
        Func<TimeSpan> clock = Clock(processorTime);
        var times = contenders.Select(_ => new double[rounds]).ToArray();
        for (int round = -1; round < rounds; round++)
        {
            for (int i = 0; i < contenders.Count; i++)
            {
                double time = Turn(contenders[i].Run, turnMilliseconds, clock) / contenders[i].Times;
                if (round >= 0) times[i][round] = time;
            }
        }

        return [.. contenders.Select((contender, i) => new Timing(contender, times[i]))];
    }

    /// <summary>The process's processor time, or the wall clock's.</summary>
    public static Func<TimeSpan> Clock(bool processorTime) => processorTime ? () => Environment.CpuUsage.TotalTime : () => Stopwatch.GetElapsedTime(0);

    /// <summary>The fastest of one turn's runs, for disturbances only ever add. The first is not counted: caches and threads still belong to the turn before.</summary>
    private static double Turn(Action run, double milliseconds, Func<TimeSpan> clock)
    {
        run();
        double fastest = double.PositiveInfinity, sum = 0;
        for (int runs = 0; sum < milliseconds || (runs < FewestRuns && sum < LongTurnMilliseconds); runs++)
        {
            TimeSpan start = clock();
            run();
            double time = (clock() - start).TotalMilliseconds;
            fastest = Math.Min(fastest, time);
            sum += time;
        }

        return fastest;
    }
}

internal static class Statistics
{
    public static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
