namespace Specializer.Mutations;

/// <summary>Ends the process when a test takes too much processor time: a mutation may make an endless loop, which nothing else ends.</summary>
internal sealed class Watch
{
    private long _limit = long.MaxValue;

    /// <param name="late">Called before the process ends.</param>
    public Watch(Action late)
    {
        var thread = new Thread(() =>
        {
            while (Environment.CpuUsage.TotalTime.Ticks < Volatile.Read(ref _limit)) Thread.Sleep(300);
            late();
            Environment.Exit(Trial.Restart);
        })
        {
            IsBackground = true,
        };
        thread.Start();
    }

    /// <summary>Lets a test begin that takes so long without a mutation.</summary>
    public void Begin(TimeSpan usual) => Volatile.Write(ref _limit, (Environment.CpuUsage.TotalTime + 10 * usual + TimeSpan.FromSeconds(3)).Ticks);

    /// <summary>Nothing is tried.</summary>
    public void End() => Volatile.Write(ref _limit, long.MaxValue);
}
