using System.Globalization;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Keeps the most harmful layers at 8 bits at no more bit operations, where held-out images say that it helps.</summary>
internal sealed class SensitivePhase(CalibrationRun run, DecisionPhase decision, Checkpoint checkpoint, List<string> notes)
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
        notes.Add($"layers that harm one prediction most, at 4 bits alone, for their bit operations: {string.Join(", ", ranked.Take(Math.Max(5, Options.SensitiveLayers)).Select(h => Text($"{h.Layer} ({h.Error:0.0e-0})")))}");
        double allowed = BitOperations(run.Quantized.Network, without.Steps.Select(s => s.ActivationBits));
        string[] layers = [.. Enumerable.Range(0, Math.Min(Options.SensitiveLayers, ranked.Length) + 1).Reverse()
            .Select(count => ranked.Take(count).Select(h => h.Layer).ToArray())
            .First(names => names.Length == 0 || BitOperations(run.Keeping(names).Quantized.Network, Enumerable.Repeat(4, Options.Steps)) <= allowed)];
        if (layers.Length == 0)
        {
            notes.Add("no layer is kept at 8 bits: with 4-bit activations at every step it would still take more bit operations than allowed");
            return (run, without);
        }

        CalibrationRun kept = run.Keeping(layers);
        kept.QuantizeWeights();
        kept.CollectNoise();
        var keptNotes = new List<string>();
        DecisionPhase other = decision.For(kept, allowed, keptNotes);
        CalibrationManifest with = other.Decide();
        double[] ours = other.FinalErrorsDb(with), theirs = decision.FinalErrorsDb(without);
        Interval change = Bootstrap.Estimate(ours.Length, i => i.Average(n => ours[n] - theirs[n]), Options.Seed);
        bool better = change.High < 0;
        notes.Add(Text($"{layers.Length} layers at 8 bits ({string.Join(", ", layers)}), 4-bit activations at {with.Steps.Count(s => s.ActivationBits == 4)} steps instead of {without.Steps.Count(s => s.ActivationBits == 4)}, {with.Sampling.BitOperationsSaved} against {without.Sampling.BitOperationsSaved} times fewer bit operations: the final images' squared error changes by {change.Value:+0.00;-0.00} dB [{change.Low:+0.00;-0.00}, {change.High:+0.00;-0.00}] on {ours.Length} held-out trajectories; {(better ? "kept" : "not kept, for it is not better beyond the interval")}"));
        if (!better) return (run, without);
        notes.AddRange(keptNotes.Select(note => $"with these layers: {note}"));
        return (kept, with);
    }

    private static double BitOperations(Network network, IEnumerable<int> bits) => bits.Sum(b => (double)NetworkCost.BitOperations(network, b));

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
