using System.Reflection;
using System.Runtime.InteropServices;
using Specializer.Calibration;
using Specializer.Manifest;
using Specializer.Packing;

namespace Specializer.Reporting;

/// <summary>The FP32 model of an artefact. Equal weights are not enough: what <c>config.json</c> and <c>scheduler_config.json</c> say changes the images, too.</summary>
internal static class CalibratedModel
{
    /// <summary>Imports a model and checks that it is the one that was calibrated.</summary>
    /// <param name="manifestPath">Of the artefact, for messages.</param>
    /// <param name="artifact">The artefact.</param>
    /// <param name="folder">The model, in diffusers' layout.</param>
    /// <exception cref="ArtifactException">Weights or configuration are others than those that were calibrated.</exception>
    public static ImportedModel Import(string manifestPath, CalibrationArtifact artifact, string folder)
    {
        CalibrationManifest manifest = artifact.Manifest;
        ImportedModel model = PipelineImporter.LoadFor(folder, manifest);
        if (model.Sha256 != manifest.Model.Sha256)
        {
            throw new ArtifactException(manifestPath,
                $"it was calibrated for a model with the SHA-256 {manifest.Model.Sha256}; the one in {folder} has {model.Sha256}. Name the right folder with --model, or calibrate again.");
        }

        model = LearnedVariance.Split(model, manifest.Network.Outputs.Count > 0);
        Network network = Quantized(model.Network, manifest.Network);
        string? difference = Difference(manifest.Network.Operations, network.Operations, o => o.Name) ?? Difference(manifest.Network.Maps, network.Maps, m => m.Name)
            ?? Difference([manifest.Network.Embedding with { Rows = 0, FirstRow = 0 }], [network.Embedding], _ => "embedding") ?? TimeDifference(artifact, model);
        return difference is null ? model : throw new ArtifactException(manifestPath,
            $"it was calibrated for another config.json than the one in {folder}: {difference}. Use the configuration that was calibrated, or calibrate again.");
    }

    /// <summary>The model's run, checked to be the one that was calibrated.</summary>
    /// <param name="manifestPath">Of the artefact, for messages.</param>
    /// <param name="manifest">The artefact's.</param>
    /// <param name="model">Its model.</param>
    /// <exception cref="ArtifactException">A step differs.</exception>
    public static SchedulerRun Schedule(string manifestPath, CalibrationManifest manifest, ImportedModel model)
    {
        SchedulerRun run = model.Scheduler.Run(manifest.Scheduler, manifest.ReadsMask);
        EquatableArray<Evaluation> own = manifest.Program.Evaluations, others = run.Program.Evaluations;
        for (int i = 0; i < Math.Max(own.Count, others.Count); i++)
        {
            if (i >= own.Count || i >= others.Count || !Near(own[i], others[i]))
                throw new ArtifactException(manifestPath, $"its step {i} is not that of the model's scheduler_config.json, so FP32 images would be of another run. Use the configuration that was calibrated, or calibrate again.");
        }

        return run;
    }

    /// <summary>The model's network with the widths and the storage that the artefact's operations have.</summary>
    private static Network Quantized(Network model, Network artefact)
    {
        return HalfStorage.Like(QuantizedNetwork.Of(model, 4, Names(c => !c.IsInteger), artefact.Operations.OfType<AttentionOperation>().Select(a => a.ProductBits).DefaultIfEmpty(32).Min(), Names(c => c.WeightBits == 8)).Network, artefact);

        string[] Names(Func<ConvolutionOperation, bool> condition) => [.. artefact.Operations.OfType<ConvolutionOperation>().Where(condition).Select(c => c.Name)];
    }

    /// <summary>The first item that only one side has, or whose properties differ.</summary>
    private static string? Difference<T>(IEnumerable<T> artefact, IEnumerable<T> model, Func<T, string> name) where T : notnull
    {
        Dictionary<string, T> others = model.ToDictionary(name, StringComparer.Ordinal);
        foreach (T own in artefact)
        {
            if (!others.Remove(name(own), out T? other) || other.GetType() != own.GetType()) return $"'{name(own)}' is in the artefact only";
            foreach (PropertyInfo property in own.GetType().GetProperties())
            {
                (object? a, object? b) = (Value(property, own), Value(property, other));
                if (!Equals(a, b)) return FormattableString.Invariant($"'{name(own)}' has the {property.Name} {a ?? "none"} in the artefact and {b ?? "none"} in the model");
            }
        }

        return others.Keys.FirstOrDefault() is { } surplus ? $"'{surplus}' is in the model only" : null;

        // Of a number its value counts, not how it was written.
        static object? Value(PropertyInfo property, T item) => property.GetValue(item) is Number number ? number.Single : property.GetValue(item);
    }

    /// <summary>The embedding's variants show in its table alone, and there in every figure.</summary>
    private static string? TimeDifference(CalibrationArtifact artifact, ImportedModel model)
    {
        Network network = artifact.Manifest.Network;
        int steps = artifact.Manifest.Steps.Count;
        IReadOnlyDictionary<string, WeightTensor> stored = WeightTensors.Of(network, steps);
        foreach (var (name, expected) in model.TimeTensors([.. artifact.Manifest.Steps.Select(s => s.Timestep.Single)]))
        {
            // The last bits of some functions differ between platforms; at large timesteps they move a sinusoid by 6e-5.
            float tolerance = 1e-3f * expected.Max(Math.Abs);
            ReadOnlySpan<float> own = MemoryMarshal.Cast<byte, float>(artifact.Tensor(name, stored[name].Bytes));
            // A table that other solvers' steps share: these are this one's.
            if (own.Length > expected.Length) own = own.Slice(network.Embedding.FirstRow * (expected.Length / steps), expected.Length);
            for (int i = 0; i < expected.Length; i++)
                if (!(Math.Abs(own[i] - expected[i]) <= tolerance)) return $"the embedding of timesteps differs ('{name}'), as by flip_sin_to_cos or freq_shift";
        }

        return null;
    }

    private static bool Near(Evaluation a, Evaluation b) => Near(a.Timestep.Single, b.Timestep.Single) && Near(a.InputScale.Single, b.InputScale.Single)
        && a.Statements.Count == b.Statements.Count && a.Statements.Zip(b.Statements).All(pair => Near(pair.First, pair.Second));

    private static bool Near(Statement a, Statement b) => (a, b) switch
    {
        (LinearStatement x, LinearStatement y) => a.Target == b.Target && x.Terms.Count == y.Terms.Count
            && x.Terms.Zip(y.Terms).All(t => t.First.Register == t.Second.Register && Near(t.First.Coefficient.Single, t.Second.Coefficient.Single)),
        (ExponentialSigmaStatement x, ExponentialSigmaStatement y) => a.Target == b.Target && Near(x.Slope.Single, y.Slope.Single) && Near(x.Offset.Single, y.Offset.Single),
        (ClipStatement x, ClipStatement y) => a.Target == b.Target && Near(x.Bound.Single, y.Bound.Single),
        (ThresholdStatement x, ThresholdStatement y) => a.Target == b.Target && Near(x.Quantile.Single, y.Quantile.Single) && Near(x.Maximum.Single, y.Maximum.Single),
        _ => a.Equals(b),
    };

    // The last bits of some noise schedules differ between platforms.
    private static bool Near(float a, float b) => a == b || Math.Abs(a - b) <= 1e-5f * Math.Max(1, Math.Min(Math.Abs(a), Math.Abs(b)));
}
