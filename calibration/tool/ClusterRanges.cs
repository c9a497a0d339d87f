using System.Security.Cryptography;
using System.Text;
using Specializer.Calibration;
using Specializer.Cluster;

namespace Specializer.Tool;

/// <summary>Units that a cluster hands out, one at a time. What the cluster says is asked for again until it answers: silos may come and go.</summary>
/// <param name="cluster">The connection.</param>
/// <param name="decides">Whether this process writes the artefact at the end.</param>
/// <param name="cancellation">Ends every wait.</param>
internal sealed class ClusterRanges(SpecializerCluster cluster, bool decides, CancellationToken cancellation) : UnitRanges, IDisposable
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1), s_renewal = TimeSpan.FromSeconds(3);

    private readonly string _worker = $"{Environment.MachineName}-{Environment.ProcessId}-{Guid.NewGuid():N}";
    private CalibrationJob _job = null!;
    private Guid _lease;
    private Timer? _renewing;

    public override bool Decides => decides;

    protected internal override string? LockName => decides ? null : _worker;

    public void Dispose() => _renewing?.Dispose();

    /// <summary>Says that the artefact is written.</summary>
    public void End() => Ask(async () =>
    {
        await _job.EndAsync();
        return true;
    });

    protected internal override void Begin(string identity)
    {
        _job = cluster.Calibration(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(identity))));
        if (!Ask(() => _job.JoinAsync(decides))) throw new ShardMissingException("This calibration has ended: its artefact is written.");
    }

    protected internal override UnitRange? Next(string phase, int units, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (Ask(() => _job.NextAsync(phase, units, _worker)) is not { } next) return null;
            if (next.First < next.End)
            {
                _lease = next.Lease;
                _renewing = new(_ => _job.RenewAsync(phase, next.Lease).ContinueWith(static renewed => renewed.Exception, TaskScheduler.Default), null, s_renewal, s_renewal);
                return new(next.First, next.End);
            }

            if (cancellationToken.WaitHandle.WaitOne(s_pause)) cancellationToken.ThrowIfCancellationRequested();
        }
    }

    protected internal override void Finish(string phase, UnitRange range)
    {
        Ask(async () =>
        {
            await _job.FinishAsync(phase, _lease);
            return true;
        });
        _renewing?.Dispose();
    }

    protected internal override IReadOnlyList<UnitRange> All(string phase, int units, Func<UnitRange, string> file, CancellationToken cancellationToken)
    {
        UnitRange[] ranges = [.. Ask(() => _job.FinishedAsync(phase)).Select(r => new UnitRange(r.First, r.End))];
        if (ranges.Select(r => (UnitRange?)r).FirstOrDefault(r => !File.Exists(file(r!.Value))) is { } missing)
        {
            // Nobody would collect them again: the next command begins anew.
            if (decides) End();
            throw new ShardMissingException($"{file(missing)} is missing, though a worker has left it: all workers need the same folder. {(decides ? "Run the command again." : "")}");
        }

        return ranges;
    }

    private T Ask<T>(Func<Task<T>> question)
    {
        while (true)
        {
            try
            {
                return question().WaitAsync(cancellation).GetAwaiter().GetResult();
            }
            catch (Exception e) when (e is TimeoutException || e.GetType().Namespace?.StartsWith("Orleans", StringComparison.Ordinal) == true)
            {
                if (cancellation.WaitHandle.WaitOne(s_pause)) cancellation.ThrowIfCancellationRequested();
            }
        }
    }
}
