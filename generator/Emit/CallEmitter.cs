using Specializer.Generator.Model;
using Specializer.Manifest;

namespace Specializer.Generator.Emit;

/// <summary>Prints the calls that make up one step.</summary>
internal static class CallEmitter
{
    public static void Embed(SourceWriter w, SamplerModel model, string step)
    {
        if (model.VectorsShape is null) return;
        string first = model.FirstRow == 0 ? "" : Literal.Int(model.FirstRow) + " + ";
        w.Line($"run.Embed<{model.VectorsShape}>(Weights.Embedding, Maps.Vectors, step: {first}{step});");
        w.Line();
    }

    /// <param name="w">Destination.</param>
    /// <param name="sections">Operations.</param>
    /// <param name="quantization">Expression for a slot of the step's quantization table.</param>
    /// <param name="correction">Expression for the mean correction, or null for none.</param>
    public static void Network(SourceWriter w, EquatableArray<Section> sections, Func<int, string> quantization, string? correction)
    {
        for (int i = 0; i < sections.Count; i++)
        {
            if (i > 0) w.Line();
            w.Line("// " + sections[i].Module);
            foreach (Call call in sections[i].Calls) w.Line(call.Print(quantization, correction));
        }
    }

    public static void Guide(SourceWriter w, SamplerModel model, Step step)
    {
        if (step.Covariance.Count == 0) return;
        Sampling sampling = model.Sampling;
        w.Line($"run.Guide<{model.State}>(Maps.{model.Epsilon}, new(");
        using (w.Indent())
        {
            w.Line($"covariance: {Literal.Floats(step.Covariance)},");
            w.Line($"means: {Literal.Floats(step.Means)},");
            w.Line($"lambda: {Literal.Float(step.Lambda)}, sigma: {Literal.Float(step.Sigma)}, clampK: {Literal.Bool(sampling.ClampK)}, mean: global::Specializer.CompilerServices.MeanCorrectionKind.{Kind(sampling.MeanCorrection)}, correctVariance: {Literal.Bool(sampling.VarianceCorrection)}));");
        }
    }

    private static string Kind(string meanCorrection) => meanCorrection switch
    {
        "divide" => "Divide",
        "mmse" => "Mmse",
        _ => "Off",
    };

    /// <summary>The mean correction of a step, or null when it changes nothing.</summary>
    public static string? Correction(Step step)
    {
        bool shifts = step.Offset.Any(o => (float)o.Value != 0);
        if ((float)step.Gain.Value == 1 && !shifts) return null;
        return $"new({Literal.Float(step.Gain)}, {(shifts ? Literal.Floats(step.Offset) : "[]")})";
    }

    public static string Describe(Step step) =>
        $"t = {step.Timestep}, {Literal.Int(step.ActivationBits)}-bit activations, k = {step.K}, σ = {step.Sigma}, σ' = {step.CalibratedSigma},{(step.RemovedVariance.Single == 0 ? "" : $" c = {step.RemovedVariance},")} SNR {step.SnrDb} dB";
}
