namespace Specializer.Calibration;

/// <summary>How far a calibration is, in evaluations of a unit's trajectories. The solvers of one calibration share it.</summary>
/// <param name="progress">Told after each step.</param>
internal sealed class CalibrationMeter(IProgress<CalibrationProgress>? progress)
{
    private double _resumed;

    /// <summary>All the work there will be.</summary>
    public double Total { get; set; } = 1;

    /// <summary>The part of <see cref="Total"/> that is done.</summary>
    public double Done { get; private set; }

    /// <summary>Adds to the work done.</summary>
    public void Report(string phase, double work)
    {
        Done = Math.Min(Done + work, Total);
        progress?.Report(new(phase, Done, Total, _resumed));
    }

    /// <summary>Takes off work that turned out not to be needed.</summary>
    public void Drop(double work) => Total -= work;

    /// <summary>Adds to the work done what an earlier, interrupted run did.</summary>
    public void Resume(string phase, double work)
    {
        _resumed += work;
        Report(phase, work);
    }
}
