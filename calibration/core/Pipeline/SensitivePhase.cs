using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Keeps the most harmful layers at 8 bits at no more bit operations, where held-out images say that it helps.</summary>
internal sealed class SensitivePhase(CalibrationRun run, DecisionPhase decision, Checkpoint checkpoint, List<Finding> findings)
{
    private CalibrationOptions Options => run.Context.Options;

    /// <summary>Most work that this phase will do, in evaluations of a unit's trajectories.</summary>
    public double Work => Options.SensitiveLayers == 0 ? 0 : LayerSensitivity.Work(run) + run.CollectingNoiseWork + decision.Work;

    /// <summary>The better of two calibrations, and the run that its weights come from.</summary>
    /// <param name="without">What was decided with every layer at 4 bits.</param>
    public (CalibrationRun Run, CalibrationManifest Manifest) Decide(CalibrationManifest without)
    {
        if (Options.SensitiveLayers == 0) return (run, without);
        LayerHarm[] ranked = LayerSensitivity.Measure(run, checkpoint);
        findings.Add(new LayersRanked([.. ranked.Take(Math.Max(5, Options.SensitiveLayers))]));
        double allowed = BitOperations(run.Quantized.Network, without.Steps.Select(s => s.ActivationBits));
        string[] layers = [.. Enumerable.Range(0, Math.Min(Options.SensitiveLayers, ranked.Length) + 1).Reverse()
            .Select(count => ranked.Take(count).Select(h => h.Layer).ToArray())
            .First(names => names.Length == 0 || BitOperations(run.Keeping(names).Quantized.Network, Enumerable.Repeat(4, Options.Evaluations)) <= allowed)];
        if (layers.Length == 0)
        {
            findings.Add(new NoLayerAffordable());
            return (run, without);
        }

        CalibrationRun kept = run.Keeping(layers);
        kept.QuantizeWeights();
        kept.CollectNoise();
        kept.ForgetOtherWeights();
        var others = new List<Finding>();
        DecisionPhase other = decision.For(kept, allowed, others);
        CalibrationManifest with = other.Decide();
        int[] images = HeldOutImages.Confirming(Options);
        Interval change = HeldOutImages.Change(other.FinalErrorsDb(with), decision.FinalErrorsDb(without), images, Options.Seed);
        bool better = change.High < 0;
        findings.Add(new LayersDecided(layers, FourBits(with), FourBits(without), with.Sampling.BitOperationsSaved.Value, without.Sampling.BitOperationsSaved.Value, change, images.Length, better));
        if (!better) return (run, without);
        findings.AddRange(others.Select(finding => new WithKeptLayers(finding)));
        return (kept, with);

        static int FourBits(CalibrationManifest manifest) => manifest.Steps.Count(s => s.ActivationBits == 4);
    }

    private static double BitOperations(Network network, IEnumerable<int> bits) => bits.Sum(b => (double)NetworkCost.BitOperations(network, b));
}
