using System.Text;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Writes a calibration manifest (docs/manifest.md): equal manifests give equal bytes, numbers stand as their tokens,
/// and each long array has a line of its own.</summary>
internal static class ManifestWriter
{
    /// <summary>Writes UTF-8 without byte order mark, and nothing but the manifest.</summary>
    public static void Write(CalibrationManifest manifest, Stream output) => output.Write(Encoding.UTF8.GetBytes(Write(manifest)));

    /// <summary>The manifest's text.</summary>
    public static string Write(CalibrationManifest manifest)
    {
        var json = new JsonText();
        json.Open('{');
        json.Line().Key("schemaVersion").Value(manifest.SchemaVersion);
        Write(json.Line().Key("model"), manifest.Model);
        Write(json.Line().Key("scheduler"), manifest.Scheduler, ProgramDigest.Of(manifest));
        Write(json.Line().Key("sampling"), manifest.Sampling);
        json.Line().Key("solver").Open('{').Key("begin");
        StatementJson.Write(json, manifest.Solver.Begin);
        StatementJson.Write(json.Key("end"), manifest.Solver.End);
        json.Close('}');
        json.Line().Key("weights").Open('{')
            .Key("file").Value(manifest.Weights.File).Key("sha256").Value(manifest.Weights.Sha256).Key("bytes").Value(manifest.Weights.Bytes).Close('}');
        Write(json.Line().Key("network"), manifest.Network);
        if (manifest.Encoders.Count > 0)
        {
            json.Line().Key("encoders").Open('[');
            foreach (TimelessNetwork part in manifest.Encoders) Write(json.Line(), part);
            json.Close(']', ownLine: true);
        }

        if (manifest.ImageEncoder is { } encoder) Write(json.Line().Key("imageEncoder"), encoder);
        if (manifest.Decoder is { } decoder) Write(json.Line().Key("decoder"), decoder);
        if (manifest.DecoderOverlap > 0) json.Line().Key("decoderOverlap").Value(manifest.DecoderOverlap);
        if (manifest.Prompt is { } prompt) Write(json.Line().Key("prompt"), prompt);
        json.Line().Key("steps").Open('[');
        foreach (Step step in manifest.Steps) Write(json.Line(), step);
        json.Close(']', ownLine: true);
        if (manifest.Statistics.Count > 0)
        {
            json.Line().Key("statistics").Open('[');
            foreach (NoiseStatistics statistics in manifest.Statistics) Write(json.Line(), statistics);
            json.Close(']', ownLine: true);
        }

        Write(json.Line().Key("provenance"), manifest.Provenance);
        json.Close('}', ownLine: true);
        return $"{json}\n";
    }

    private static void Write(JsonText json, ModelIdentity model)
    {
        json.Open('{')
            .Key("name").Value(model.Name).Key("architecture").Value(model.Architecture).Key("sha256").Value(model.Sha256)
            .Key("parameters").Value(model.Parameters).Key("height").Value(model.Height).Key("width").Value(model.Width)
            .Key("channels").Value(model.Channels).Key("classes").Value(model.Classes).Key("nullLabel").Value(model.NullLabel);
        if (model.EmbeddedGuidance is { } scale) json.Key("embeddedGuidance").Value(scale);
        json.Close('}');
    }

    private static void Write(JsonText json, SchedulerIdentity scheduler, string program)
    {
        json.Open('{').Key("family").Value(scheduler.Family).Key("settings").Open('{');
        foreach (Setting setting in scheduler.Settings) json.Key(setting.Name).Value(setting.Value);
        json.Close('}').Key("program").Value(program).Close('}');
    }

    private static void Write(JsonText json, Manifest.Sampling sampling) => json.Open('{')
        .Key("guidance").Value(sampling.Guidance)
        .Key("guidanceMinimum").Value(sampling.GuidanceMinimum).Key("guidanceMaximum").Value(sampling.GuidanceMaximum)
        .Key("meanCorrection").Value(sampling.MeanCorrection).Key("clampK").Value(sampling.ClampK)
        .Key("varianceCorrection").Value(sampling.VarianceCorrection).Key("policy").Value(sampling.Policy)
        .Key("multiplyAccumulates").Value(sampling.MultiplyAccumulates).Key("bitOperationsSaved").Value(sampling.BitOperationsSaved).Close('}');

    private static void Write(JsonText json, Network network)
    {
        json.Open('{').Line().Key("latent").Value(network.Latent).Line().Key("epsilon").Value(network.Epsilon);
        if (network.Outputs.Count > 0) json.Line().Key("variance").Value(network.Outputs[0]);
        if (network.Inputs.Count > 0) Write(json.Line().Key("inputs"), network.Inputs);
        Write(json.Line().Key("maps"), network.Maps);
        json.Line().Key("embedding").Open('{').Key("width").Value(network.Embedding.Width).Key("classes").Value(network.Embedding.Classes)
            .Key("vectors").Value(network.Embedding.Vectors);
        if (network.Embedding.Rows > 0) json.Key("rows").Value(network.Embedding.Rows).Key("firstRow").Value(network.Embedding.FirstRow);
        json.Close('}');
        Write(json.Line().Key("operations"), network.Operations);
        json.Close('}', ownLine: true);
    }

    private static void Write(JsonText json, Prompt prompt)
    {
        json.Open('{').Key("input").Value(prompt.Input).Key("empty").Value(prompt.Empty);
        if (prompt.Second is not null) json.Key("second").Value(prompt.Second).Key("filling").Value(prompt.Filling);
        if (prompt.None is not null) json.Key("none").Value(prompt.None);
        if (prompt.ClipSkip > 0) json.Key("clipSkip").Value(prompt.ClipSkip);
        if (prompt.Vocabulary > 0) json.Key("vocabulary").Value(prompt.Vocabulary).Key("merges").Value(prompt.Merges);
        json.Close('}');
    }

    private static void Write(JsonText json, TimelessNetwork timeless)
    {
        json.Open('{').Line().Key("name").Value(timeless.Name);
        Write(json.Line().Key("inputs"), timeless.Network.AllInputs());
        Write(json.Line().Key("outputs"), timeless.Network.AllOutputs());
        Write(json.Line().Key("maps"), timeless.Network.Maps);
        Write(json.Line().Key("operations"), timeless.Network.Operations);
        json.Line().Key("scales").Value(timeless.Scales)
            .Line().Key("zeroPoints").Value(timeless.ZeroPoints)
            .Line().Key("levels").Value(timeless.Levels)
            .Close('}', ownLine: true);
    }

    private static void Write(JsonText json, IEnumerable<string> names)
    {
        json.Open('[');
        foreach (string name in names) json.Value(name);
        json.Close(']');
    }

    private static void Write(JsonText json, EquatableArray<Map> maps)
    {
        json.Open('[');
        foreach (Map map in maps)
        {
            json.Line().Open('{').Key("name").Value(map.Name).Key("height").Value(map.Height).Key("width").Value(map.Width)
                .Key("channels").Value(map.Channels).Key("type").Value(Map.TypeName(map.Type)).Close('}');
        }

        json.Close(']', ownLine: true);
    }

    private static void Write(JsonText json, EquatableArray<Operation> operations)
    {
        json.Open('[');
        foreach (Operation operation in operations) Write(json.Line(), operation);
        json.Close(']', ownLine: true);
    }

    private static void Write(JsonText json, Operation operation)
    {
        json.Open('{').Key("op").Value(operation.Kind).Key("name").Value(operation.Name);
        operation.Write(json);
        json.Close('}');
    }

    private static void Write(JsonText json, Step step)
    {
        json.Open('{')
            .Key("timestep").Value(step.Timestep).Key("inputScale").Value(step.Evaluation.InputScale).Key("activationBits").Value(step.ActivationBits)
            .Key("calibratedSigma").Value(step.CalibratedSigma);
        if (step.RemovedVariance.Single != 0) json.Key("removedVariance").Value(step.RemovedVariance);
        json.Key("lambda").Value(step.Lambda).Key("k").Value(step.K)
            .Key("rSquared").Value(step.RSquared).Key("noiseVariance").Value(step.NoiseVariance).Key("snrDb").Value(step.SnrDb)
            .Line().Key("gain").Value(step.Gain).Key("offset").Value(step.Offset)
            .Line().Key("statements");
        StatementJson.Write(json, step.Evaluation.Statements);
        if (step.Evaluation.Start is { } start) StatementJson.Write(json.Line().Key("start"), start);
        json.Line().Key("scales").Value(step.Scales)
            .Line().Key("zeroPoints").Value(step.ZeroPoints)
            .Line().Key("levels").Value(step.Levels)
            .Line().Key("covariance").Value(step.Covariance)
            .Line().Key("means").Value(step.Means).Close('}');
    }

    private static void Write(JsonText json, NoiseStatistics statistics)
    {
        json.Open('{').Key("weightBits").Value(statistics.WeightBits).Key("activationBits").Value(statistics.ActivationBits)
            .Key("trajectories").Value(statistics.Trajectories).Key("freeRunningTrajectories").Value(statistics.FreeRunningTrajectories);
        Interval("snrDb", statistics.SnrDb);
        Interval("k", statistics.K);
        json.Line().Key("rSquared").Value(statistics.RSquared).Line().Key("bias").Value(statistics.Bias).Line().Key("noiseVariance").Value(statistics.NoiseVariance)
            .Line().Key("excessKurtosis").Value(statistics.ExcessKurtosis).Line().Key("normality").Value(statistics.Normality);
        Interval("freeRunningSnrDb", statistics.FreeRunningSnrDb);
        json.Close('}');

        void Interval(string name, NoiseInterval interval) => json.Line().Key(name).Value(interval.Value).Line().Key($"{name}Low").Value(interval.Low).Line().Key($"{name}High").Value(interval.High);
    }

    private static void Write(JsonText json, Provenance provenance)
    {
        json.Open('{').Key("tool").Value(provenance.Tool).Key("version").Value(provenance.Version).Key("options").Open('[');
        foreach (string option in provenance.Options) json.Value(option);
        json.Close(']').Key("trajectories").Value(provenance.Trajectories).Key("firstSeed").Value(provenance.FirstSeed).Close('}');
    }
}
