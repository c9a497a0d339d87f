namespace Specializer.Cluster;

/// <summary>Requests that this silo draws, or passes on to the silo that does. A silo that stops in good order ends them first: clients have been told by then to go by others.</summary>
internal sealed class RequestsInHand : ILifecycleParticipant<ISiloLifecycle>
{
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(50);

    private readonly Lock _lock = new();
    private int _count;
    private double _seconds;

    /// <summary>Seconds that those take which are drawn here.</summary>
    public double Seconds
    {
        get
        {
            lock (_lock) return _seconds;
        }
    }

    /// <summary>Counts a request in until it is disposed of.</summary>
    /// <param name="seconds">How long it is drawn here; 0 for one that is passed on.</param>
    public IDisposable Enter(double seconds = 0)
    {
        Count(1, seconds);
        return new Request(this, seconds);
    }

    // The silo's status changes at the same time, after which no further ones are sent here; then its grains are ended.
    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(nameof(RequestsInHand), ServiceLifecycleStage.BecomeActive, _ => Task.CompletedTask, Drain);

    private async Task Drain(CancellationToken cancellation)
    {
        while (Volatile.Read(ref _count) > 0 && !cancellation.IsCancellationRequested) await Task.Delay(s_look, CancellationToken.None);
    }

    private void Count(int requests, double seconds)
    {
        lock (_lock) (_count, _seconds) = (_count + requests, _count + requests == 0 ? 0 : _seconds + seconds);
    }

    private sealed class Request(RequestsInHand all, double seconds) : IDisposable
    {
        public void Dispose() => all.Count(-1, -seconds);
    }
}
