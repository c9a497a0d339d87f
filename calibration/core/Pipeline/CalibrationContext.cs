using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>What every phase of a calibration needs.</summary>
/// <param name="Model">The FP32 model.</param>
/// <param name="Run">Its solver.</param>
/// <param name="Options">What to calibrate for.</param>
/// <param name="Device">Where networks run.</param>
/// <param name="Threads">Threads for everything else.</param>
/// <param name="Progress">Told after each step.</param>
/// <param name="Cancellation">Acts within a step.</param>
internal sealed record CalibrationContext(
    ImportedModel Model, SchedulerRun Run, CalibrationOptions Options, Device Device, int Threads, IProgress<CalibrationProgress>? Progress, CancellationToken Cancellation)
{
    private double _done, _resumed;

    /// <summary>What this process collects; null for one that does all of it.</summary>
    public UnitRanges? Ranges { get; init; }

    /// <summary>All the work there will be, in evaluations of a unit's trajectories.</summary>
    public double Total { get; set; } = 1;

    /// <summary>The solver.</summary>
    public SolverProgram Program => Run.Program;

    /// <summary>Whether there is noise whose variance could be corrected.</summary>
    public bool InjectsNoise => Program.Evaluations.Any(e => e.Sigma != 0);

    /// <summary>Timesteps in the order of sampling.</summary>
    public float[] Timesteps => [.. Program.Evaluations.Select(e => e.Timestep.Single)];

    /// <summary>FP32 trajectories.</summary>
    public ReferenceTrajectories Reference() => new(Model, Program, Options, Device);

    /// <summary>The part of <see cref="Total"/> that is done.</summary>
    public double Done => _done;

    /// <summary>Adds to the work done.</summary>
    public void Report(string phase, double work)
    {
        _done = Math.Min(_done + work, Total);
        Progress?.Report(new(phase, _done, Total, _resumed));
    }

    /// <summary>Adds to the work done what an earlier, interrupted run did.</summary>
    public void Resume(string phase, double work)
    {
        _resumed += work;
        Report(phase, work);
    }
}
