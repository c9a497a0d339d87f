using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Keeps the most harmful layers at 8 bits at no more bit operations, where held-out images say that it helps.</summary>
internal sealed class SensitivePhase(CalibrationRun run, DecisionPhase decision, Checkpoint checkpoint, List<Finding> findings)
{
    private CalibrationOptions Options => run.Context.Options;

    /// <summary>Most work that this phase will do, in evaluations of a unit's trajectories.</summary>
    public double Work => Options.SensitiveLayers == 0 ? 0
        : LayerSensitivity.Work(run) + Counts(Options.SensitiveLayers).Length * (decision.DrawingWork + run.SequentialWork) + run.SequentialWork + run.Keeping([]).CollectingNoiseWork + decision.Work;

    /// <summary>The better of two calibrations, and the run that its weights come from.</summary>
    /// <param name="without">What was decided with every layer at 4 bits.</param>
    public (CalibrationRun Run, CalibrationManifest Manifest) Decide(CalibrationManifest without)
    {
        if (Options.SensitiveLayers == 0) return (run, without);
        LayerHarm[] ranked = LayerSensitivity.Measure(run, checkpoint);
        findings.Add(new LayersRanked([.. ranked.Take(Math.Max(5, Options.SensitiveLayers))]));
        double allowed = BitOperations(run.Quantized.Network, without.Steps.Select(s => s.ActivationBits));
        int most = Enumerable.Range(0, Math.Min(Options.SensitiveLayers, ranked.Length) + 1).Reverse()
            .First(count => count == 0 || BitOperations(run.Keeping(Names(count)).Quantized.Network, Enumerable.Repeat(4, Options.Evaluations)) <= allowed);
        if (most == 0)
        {
            findings.Add(new NoLayerAffordable());
            return (run, without);
        }

        string[] layers = Names(Choose(most, allowed, Names));
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

        string[] Names(int count) => [.. ranked.Take(count).Select(h => h.Layer)];

        static int FourBits(CalibrationManifest manifest) => manifest.Steps.Count(s => s.ActivationBits == 4);
    }

    /// <summary>How many layers are tried: as many as there may be, half of them, a quarter, and so on.</summary>
    internal static int[] Counts(int most) => [.. Enumerable.Range(0, 31).Select(halvings => most >> halvings).TakeWhile(count => count > 0)];

    /// <summary>How many layers lower the error of the held-out images that choose most: more of them take more steps' 8-bit activations, so neither few nor many need be best.
    /// Nothing is corrected here, and no noise measured: that is for the one that is chosen.</summary>
    private int Choose(int most, double allowed, Func<int, string[]> names)
    {
        int[] counts = Counts(most);
        if (counts.Length == 1) return most;
        int[] images = HeldOutImages.Choosing(Options);
        var tried = new LayersTried[counts.Length];
        for (int i = 0; i < counts.Length; i++)
        {
            CalibrationRun kept = run.Keeping(names(counts[i]));
            kept.QuantizeWeights();
            double[] errors = decision.For(kept, allowed, []).UncorrectedErrorsDb(out int[] bits);
            tried[i] = new(counts[i], bits.Count(b => b == 4), images.Average(n => errors[n]));
        }

        findings.Add(new LayerCountsTried(tried, images.Length));
        return tried.MinBy(t => t.ErrorDb).Layers;
    }

    private static double BitOperations(Network network, IEnumerable<int> bits) => bits.Sum(b => (double)NetworkCost.BitOperations(network, b));
}
