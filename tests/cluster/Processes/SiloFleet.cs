using System.Diagnostics;

namespace Specializer.Cluster.Tests;

/// <summary>Silos of one database that are killed, paused and started again.</summary>
/// <param name="store">Folder of the pictures.</param>
/// <param name="postgres">The database.</param>
/// <param name="more">Further settings of the silos.</param>
internal sealed class SiloFleet(string store, string postgres, params string[] more) : IAsyncDisposable
{
    private readonly List<SiloProcess> _silos = [];
    private readonly List<string> _log = [];
    private SiloProcess? _paused;
    private long _pausedAt;
    private int _pictures;

    /// <summary>Silos that ended so far, killed or not.</summary>
    public int Ended { get; private set; }

    /// <summary>Those that run.</summary>
    public IReadOnlyList<SiloProcess> Silos => _silos;

    /// <summary>What all of them said so far, in order.</summary>
    public IEnumerable<string> Log => _log.Concat(_silos.SelectMany(s => s.Output.Split('\n'))).Order(StringComparer.Ordinal);

    /// <summary>Pictures that they wrote so far, where they were started with <c>--pictures=true</c>.</summary>
    public int Pictures => _pictures + _silos.Sum(s => s.Pictures);

    public bool IsPaused => _paused is not null;

    public async Task Start(int count) => _silos.AddRange(await Task.WhenAll(Enumerable.Range(0, count).Select(_ =>
    {
        int[] ports = FreePorts.Take(2);
        return SiloProcess.Start(store, ports[0], ports[1], postgres: postgres, more: ["--lease=20", .. more]);
    })));

    /// <summary>Stops the silo that is there longest, in good order.</summary>
    public async Task StopOldest()
    {
        SiloProcess silo = _silos[0];
        _silos.RemoveAt(0);
        silo.Signal("TERM");
        await silo.WaitForExit(TimeSpan.FromMinutes(10));
        silo.Dispose();
    }

    /// <summary>Kills the silo that is there longest, and starts another.</summary>
    public Task KillOldest()
    {
        _silos[0].Kill();
        return Replace();
    }

    /// <summary>Starts a silo for each that has ended.</summary>
    public Task Replace() => Start(Bury());

    /// <summary>Waits until those that the cluster found dead have ended.</summary>
    public async Task Settle(ClusterClient client)
    {
        if (_paused is not null) _paused.Signal("CONT");
        IReadOnlyList<SiloOffer> listed = [];
        for (int i = 0; i < 3000; i++)
        {
            Bury();
            try
            {
                listed = await client.Cluster.SilosAsync();
                if (listed.Count == _silos.Count) return;
            }
            catch (Exception e) when (e is OrleansException or TimeoutException)
            {
                // The board moves.
            }

            await Task.Delay(200);
        }

        throw new TimeoutException($"The cluster has {listed.Count} silos, but {_silos.Count} run.");
    }

    private int Bury()
    {
        SiloProcess[] ended = [.. _silos.Where(s => s.HasExited)];
        foreach (SiloProcess silo in ended)
        {
            _silos.Remove(silo);
            _log.AddRange(silo.Output.Split('\n'));
            _pictures += silo.Pictures;
            if (silo == _paused) _paused = null;
            silo.Dispose();
        }

        Ended += ended.Length;
        return ended.Length;
    }

    /// <summary>Stops the silo of a name; where there is none, the one that is there shortest.</summary>
    public void Pause(string? name)
    {
        _paused = _silos.Find(s => name?.Contains($":{s.SiloPort}@", StringComparison.Ordinal) == true) ?? _silos[^1];
        _paused.Signal("STOP");
        _pausedAt = Stopwatch.GetTimestamp();
    }

    /// <summary>Wakes it once the cluster has given it up, so that what it had is another's.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="least">How long it is stopped at least.</param>
    public async Task WakeOnceGivenUp(SpecializerCluster cluster, TimeSpan least)
    {
        if (Stopwatch.GetElapsedTime(_pausedAt) < least) return;
        try
        {
            if (_paused is null || (await cluster.SilosAsync()).Any(s => s.Silo.Contains($":{_paused.SiloPort}@", StringComparison.Ordinal))) return;
        }
        catch (Exception e) when (e is OrleansException or TimeoutException or System.Data.Common.DbException)
        {
            // The board was the paused silo's, and moves.
            return;
        }

        _paused.Signal("CONT");
        _paused = null;
    }

    public ValueTask DisposeAsync()
    {
        foreach (SiloProcess silo in _silos) silo.Dispose();
        return ValueTask.CompletedTask;
    }
}
