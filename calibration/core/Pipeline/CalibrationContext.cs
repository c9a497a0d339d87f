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
    /// <summary>What this process collects; null for one that does all of it.</summary>
    public UnitRanges? Ranges { get; init; }

    /// <summary>All solvers that the weights are for, this one among them: they share one weights file, whose table has a row for each evaluation of each.</summary>
    public IReadOnlyList<SchedulerRun> Solvers { get; init; } = [Run];

    /// <summary>Counts the work of all solvers.</summary>
    public CalibrationMeter Meter { get; init; } = new(Progress);

    /// <summary>FP32's predictions for this solver that are kept; null where none are.</summary>
    public KeptPredictions? Predictions { get; init; }

    /// <summary>The solver.</summary>
    public SolverProgram Program => Run.Program;

    /// <summary>Whether there is noise whose variance could be corrected.</summary>
    public bool InjectsNoise => Program.Evaluations.Any(e => e.InjectsNoise);

    /// <summary>Timesteps in the order of sampling.</summary>
    public float[] Timesteps => TimestepsOf(Run);

    /// <summary>Timesteps of all solvers: the rows of the weights file's table.</summary>
    public float[] TableTimesteps => [.. Solvers.SelectMany(TimestepsOf)];

    /// <summary>The FP32 network, with the rows of the table that are this solver's.</summary>
    public Network Network => Solvers.Count == 1 ? Model.Network : Model.Network with
    {
        Embedding = Model.Network.Embedding with { Rows = TableTimesteps.Length, FirstRow = FirstRow(Run) },
    };

    /// <summary>Row of the table that the first evaluation of one of the <see cref="Solvers"/> reads.</summary>
    public int FirstRow(SchedulerRun solver) => Solvers.TakeWhile(s => !ReferenceEquals(s, solver)).Sum(s => s.Program.Evaluations.Count);

    /// <summary>FP32 trajectories, on a network of their own.</summary>
    public ReferenceTrajectories Reference() => new(Model, Program, Options, Device) { Kept = KeptFor(Run) };

    /// <summary>FP32 trajectories of one of the <see cref="Solvers"/>.</summary>
    /// <param name="solver">The solver.</param>
    /// <param name="networks">Have the network.</param>
    public ReferenceTrajectories Reference(SchedulerRun solver, SharedNetworks networks) => new(Model, solver.Program, Options, () => networks.Reference(solver)) { Kept = KeptFor(solver) };

    /// <summary>Work of an evaluation of another network for one image, in evaluations of a unit's trajectories: by multiply-accumulates.</summary>
    public double WorkOf(ImportedNetwork other) =>
        (double)NetworkCost.MultiplyAccumulates(other.Network) / NetworkCost.MultiplyAccumulates(Model.Network) / ReferenceTrajectories.UnitImages / Options.Evaluations;

    /// <summary>Adds to the work done.</summary>
    public void Report(string phase, double work)
    {
        Meter.Report(phase, work);
        Garbage.Collect();
    }

    /// <summary>Adds to the work done what an earlier, interrupted run did.</summary>
    public void Resume(string phase, double work) => Meter.Resume(phase, work);

    private KeptPredictions? KeptFor(SchedulerRun solver) => ReferenceEquals(solver, Run) && ReferenceEquals(Predictions?.Model, Model) ? Predictions : null;

    private static float[] TimestepsOf(SchedulerRun solver) => [.. solver.Program.Evaluations.Select(e => e.Timestep.Single)];
}
