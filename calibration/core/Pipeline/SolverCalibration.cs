using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>The calibration for one solver: alone, or beside those for others that share its weights.</summary>
internal sealed class SolverCalibration
{
    private readonly DecisionPhase _decision;
    private readonly SensitivePhase _sensitive;
    private CalibrationRun _run;

    /// <param name="context">What is calibrated, for which solver.</param>
    /// <param name="checkpoint">Of its phases.</param>
    /// <param name="findings">Receives what was found and decided for it.</param>
    public SolverCalibration(CalibrationContext context, Checkpoint checkpoint, List<Finding> findings)
    {
        (Checkpoint, Findings) = (checkpoint, findings);
        _run = new(context, checkpoint);
        _decision = new(_run, checkpoint, findings);
        _sensitive = new(_run, _decision, checkpoint, findings);
    }

    /// <summary>What is calibrated, for which solver.</summary>
    public CalibrationContext Context => _run.Context;

    /// <summary>Of its phases.</summary>
    public Checkpoint Checkpoint { get; }

    /// <summary>What was found and decided.</summary>
    public List<Finding> Findings { get; }

    /// <summary>Most work that there will be, in evaluations of a unit's trajectories.</summary>
    public double Work => _run.Work + _decision.Work + _sensitive.Work;

    /// <summary>The artefact's tensors, after <see cref="Decide"/>.</summary>
    public QuantizedTensors Tensors => _run.Tensors;

    /// <summary>Collects what all decisions need. Weights are rounded once, for the states of all solvers; ranges and noise are each solver's own.</summary>
    /// <param name="all">Of one model.</param>
    /// <param name="findings">Receives what was decided for all.</param>
    public static void Collect(IReadOnlyList<SolverCalibration> all, List<Finding> findings)
    {
        foreach (SolverCalibration c in all.Skip(1)) c._run.Share(all[0]._run);
        using (var networks = new SharedNetworks(all[0].Context))
        {
            foreach (SolverCalibration c in all) c._run.CollectActivations(networks);
        }

        foreach (SolverCalibration c in all) c._run.QuantizeWeights();
        findings.AddRange(all[0]._run.Decided);
        using var quantized = new SharedNetworks(all[0].Context);
        foreach (SolverCalibration c in all)
        {
            c.Findings.AddRange(c._run.Fitness);
            c._run.CollectNoise(quantized);
        }
    }

    /// <summary>Removes what only this process has: its part is done.</summary>
    public void DeleteOwn() => _run.DeleteOwn();

    /// <summary>Decides, and writes down why.</summary>
    public CalibrationManifest Decide()
    {
        _run.ForgetOtherWeights();
        (_run, CalibrationManifest manifest) = _sensitive.Decide(_decision.Decide());
        return manifest;
    }
}
