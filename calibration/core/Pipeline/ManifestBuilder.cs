using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Specializer.Formats;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Puts what was found into a manifest.</summary>
internal static class ManifestBuilder
{
    /// <summary>The manifest, without the weights' identity, which is known when they are written.</summary>
    public static CalibrationManifest Build(ImportedModel model, SchedulerRun run, CalibrationOptions options, Network network, IReadOnlyList<StepDecision> steps,
        CorrectionPlan plan, string policy) => new(
        CalibrationManifest.CurrentSchemaVersion,
        model.ModelIdentity(),
        run.Identity,
        new(Number.From((float)options.Guidance),
            Number.From((float)options.GuidanceMinimum), Number.From((float)options.GuidanceMaximum),
            plan.Mean.ToString().ToLowerInvariant(), plan.ClampK, plan.Variance, policy, NetworkCost.MultiplyAccumulates(network),
            Number.From((float)NetworkCost.BitOperationsSaved(network, steps.Select(s => s.Bits)))),
        new(run.Program.Rounded().Begin, run.Program.Rounded().End),
        new($"{model.Name}.weights.safetensors", new string('0', 64), 0),
        network,
        steps.Select(s => s.ToManifest(plan, options)).ToEquatableArray(),
        new("specializer", typeof(ManifestBuilder).Assembly.GetName().Version!.ToString(3), Options(options).ToEquatableArray(), options.Trajectories, checked((long)options.Seed)));

    /// <summary>The options that decide the result; neither paths nor threads do.</summary>
    public static IEnumerable<string> Options(CalibrationOptions o)
    {
        yield return Text($"--steps {o.Steps}");
        foreach (string scheduler in o.Schedulers) yield return $"--scheduler {scheduler}";
        if (o.Eta is { } eta) yield return Text($"--eta {eta}");
        yield return Text($"--weights {o.WeightBits}");
        yield return $"--activations {o.Activations switch { ActivationWidth.Four => "4", ActivationWidth.Eight => "8", _ => "mixed" }}";
        if (o.AttentionBits != 32) yield return Text($"--attention {o.AttentionBits}");
        if (o.Activations == ActivationWidth.Mixed)
        {
            yield return $"--policy {o.Policy.ToString().ToLowerInvariant()}";
            yield return o.Policy == BitPolicy.Rule ? Text($"--rule-margin {o.RuleMargin}") : Text($"--preset-share {o.PresetShare}");
            if (o.SensitiveLayers > 0) yield return Text($"--sensitive-layers {o.SensitiveLayers}");
        }

        yield return Text($"--trajectories {o.Trajectories}");
        if (o.Prompts.Count > 0) yield return $"--prompts {Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', o.Prompts))))}";
        if (o.Contexts is { } contexts) yield return $"--contexts {contexts.Sha256}";
        if (o.ImageToImage) yield return "--image-to-image";
        if (o.DecoderTile > 0) yield return Text($"--decoder-tile {o.DecoderTile}");
        if (o.Pictures.Count > 0) yield return $"--pictures {Digest(o.Pictures)}";
        yield return Text($"--guidance {o.Guidance}");
        yield return Text($"--guidance-interval {o.GuidanceMinimum}..{o.GuidanceMaximum}");
        yield return $"--mean-correction {o.MeanCorrection.ToString().ToLowerInvariant()}";
        yield return $"--variance-correction {o.VarianceCorrection.ToString().ToLowerInvariant()}";
        yield return $"--rounding {o.Rounding.ToString().ToLowerInvariant()}";
        if (o.Rounding == RoundingChoice.Reconstruct)
        {
            ReconstructionOptions r = o.Reconstruction;
            yield return Text($"--reconstruction {r.Iterations},{r.RoundingWeight},{r.BetaStart},{r.BetaEnd},{r.WarmUp},{r.BatchSize},{r.RoundingRate},{r.ActivationRate},{r.Seed}");
        }

        if (o.FirstConvolution == FirstConvolutionChoice.Auto) yield return "--first-convolution auto";
        if (o.Clipping != ClippingChoice.Plain) yield return $"--clipping {o.Clipping.ToString().ToLowerInvariant()}";
        foreach (string name in o.Skip.Order(StringComparer.Ordinal)) yield return $"--skip {name}";
        if (o.Engine is not null and not InterpreterEngine) yield return $"--engine {o.Engine.Name}";
        yield return Text($"--seed {o.Seed}");

        static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
    }

    private static string Digest(IReadOnlyList<PngPicture> pictures)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (PngPicture picture in pictures) hash.AppendData(picture.Pixels.Span);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
