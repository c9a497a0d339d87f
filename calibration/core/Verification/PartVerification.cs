using Specializer.Formats;

namespace Specializer.Calibration;

/// <summary>A part of a pipeline that was compared with the reference library's stored outputs.</summary>
/// <param name="Class">Its class in the source library.</param>
/// <param name="Sha256">SHA-256 of its weights, 64 lower-case hex digits.</param>
/// <param name="Parameters">Elements of its weights file.</param>
/// <param name="StoredType">The coarsest floating-point type that its file stores a weight in.</param>
/// <param name="Notes">What was taken for what was asked for.</param>
/// <param name="Ignored">What its configuration says and nothing uses.</param>
/// <param name="Results">One for each stored output.</param>
public sealed record VerifiedPart(
    string Class, string Sha256, long Parameters, DType StoredType, IReadOnlyList<string> Notes, IReadOnlyList<IgnoredSetting> Ignored, IReadOnlyList<VerificationResult> Results)
{
    /// <summary>Name of its folder.</summary>
    public string Name { get; init; } = "";
}

/// <summary>Compares decoders, encoders and text encoders with the reference library's stored outputs: of a file with <c>in.z</c> <c>out.decode</c> (and <c>out.decode_not_quantized</c>),
/// with <c>in.image</c> <c>out.encode</c>, <c>out.moments</c> or <c>out.mean</c>, with <c>in.ids</c> <c>out.hidden</c>. In a file of a whole pipeline these names begin with the part's folder and a point, or with <c>vae.</c> and <c>text.</c></summary>
public static class PartVerification
{
    /// <summary>Largest absolute error that passes by default.</summary>
    public const double DefaultTolerance = 5e-5;

    private static readonly string[] s_autoencoders = ["AutoencoderKL", "VQModel", "AutoencoderTiny"];

    private static readonly (string Input, string Output, PipelinePart Part)[] s_checks =
    [
        ("in.z", "out.decode", PipelinePart.Decoder), ("in.z", "out.decode_not_quantized", PipelinePart.Decoder), ("in.image", "out.encode", PipelinePart.Encoder),
        ("in.image", "out.moments", PipelinePart.Encoder), ("in.image", "out.mean", PipelinePart.Encoder), ("in.ids", "out.hidden", PipelinePart.TextEncoder),
    ];

    /// <summary>Whether a folder holds a decoder, encoder or text encoder by itself.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="ModelImportException">Its <c>config.json</c> is no JSON object.</exception>
    public static bool Recognizes(string folder)
    {
        string file = Path.Combine(folder, "config.json");
        return File.Exists(file) && ConfigurationReader.Open(file) is var json && (s_autoencoders.Contains(json.Text("_class_name", "")) || IsText(json));
    }

    /// <summary>Runs every check that the file allows.</summary>
    /// <param name="folder">Holds <c>config.json</c> and the weights.</param>
    /// <param name="path">Safetensors file with stored inputs and outputs; pictures are NCHW.</param>
    /// <param name="device">Where to run; stays the caller's.</param>
    /// <param name="tolerance">Largest absolute error; null for <see cref="DefaultTolerance"/>, times <see cref="GoldenVerification.Allowance"/>.</param>
    /// <param name="cancellationToken">Acts within an evaluation.</param>
    /// <exception cref="ModelImportException">A file or tensor of the model is missing, malformed or does not fit the others.</exception>
    /// <exception cref="SafetensorsException">The file of outputs is malformed or belongs to another model.</exception>
    /// <exception cref="IOException">A file is missing or unreadable.</exception>
    public static VerifiedPart Run(string folder, string path, Device device, double? tolerance = null, CancellationToken cancellationToken = default) =>
        Run(folder, path, device, tolerance, null, cancellationToken);

    /// <param name="folder">Holds <c>config.json</c> and the weights.</param>
    /// <param name="path">Safetensors file with stored inputs and outputs.</param>
    /// <param name="device">Where to run; stays the caller's.</param>
    /// <param name="tolerance">Largest absolute error; null for the default.</param>
    /// <param name="memoryPredicted">Told before each check what it holds in memory at most, in bytes.</param>
    /// <param name="cancellationToken">Acts within an evaluation.</param>
    internal static VerifiedPart Run(string folder, string path, Device device, double? tolerance, Action<long>? memoryPredicted, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(device);
        ConfigurationReader json = ConfigurationReader.Open(Path.Combine(folder, "config.json"));
        List<string> notes = [];
        bool text = IsText(json);
        using ModelWeights weights = PartImporter.OpenWeights(folder, text, notes);
        using SafetensorsFile golden = SafetensorsFile.Open(path);
        double allowed = tolerance ?? DefaultTolerance * GoldenVerification.Allowance(weights.Type);
        string name = NameOf(folder);
        VerificationResult[] results = [.. Checks(golden, name, text).Select(c => Check(json, weights, golden, c.Input, c.Output, c.Part, device, allowed, memoryPredicted, cancellationToken))];
        if (results.Length == 0)
            throw new SafetensorsException(path, null, $"holds no outputs of such a model; expected are {string.Join(", ", s_checks.Where(c => text == (c.Part == PipelinePart.TextEncoder)).Select(c => $"'{c.Input}' with '{c.Output}'"))}");
        return new(ClassOf(json), weights.Sha256, weights.Tensors.Parameters, weights.Type, notes,
            [.. json.Ignored], results)
        { Name = name };
    }

    /// <summary>Runs the checks of all parts of a pipeline that the file has outputs of.</summary>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="path">Safetensors file with stored inputs and outputs; pictures are NCHW.</param>
    /// <param name="device">Where to run; stays the caller's.</param>
    /// <param name="tolerance">As for <see cref="Run(string, string, Device, double?, CancellationToken)"/>.</param>
    /// <param name="cancellationToken">Acts within an evaluation.</param>
    /// <exception cref="ModelImportException">A file or tensor of the model is missing, malformed or does not fit the others.</exception>
    /// <exception cref="SafetensorsException">The file of outputs is malformed or belongs to another model.</exception>
    /// <exception cref="IOException">A file is missing or unreadable.</exception>
    public static IReadOnlyList<VerifiedPart> RunAll(Pipeline pipeline, string path, Device device, double? tolerance = null, CancellationToken cancellationToken = default) =>
        RunAll(pipeline, path, device, tolerance, null, cancellationToken);

    /// <inheritdoc cref="Run(string, string, Device, double?, Action{long}?, CancellationToken)"/>
    internal static IReadOnlyList<VerifiedPart> RunAll(Pipeline pipeline, string path, Device device, double? tolerance, Action<long>? memoryPredicted, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        using SafetensorsFile golden = SafetensorsFile.Open(path);
        return [.. pipeline.Components.Select(c => Path.Combine(pipeline.Folder, c.Name)).Where(folder => Recognizes(folder)
            && Checks(golden, NameOf(folder), IsText(ConfigurationReader.Open(Path.Combine(folder, "config.json")))).Length > 0).Select(folder => Run(folder, path, device, tolerance, memoryPredicted, cancellationToken))];
    }

    internal static string NameOf(string folder) => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));

    /// <summary>The checks that a file allows, under its names.</summary>
    private static (string Input, string Output, PipelinePart Part)[] Checks(SafetensorsFile golden, string name, bool text)
    {
        return ((string[])["", $"{name}.", text ? "text." : "vae."]).Select(Found).FirstOrDefault(found => found.Length > 0) ?? [];

        (string Input, string Output, PipelinePart Part)[] Found(string prefix) =>
        [
            .. s_checks.Where(c => text == (c.Part == PipelinePart.TextEncoder)).Select(c => (Input: prefix + c.Input, Output: prefix + c.Output, c.Part))
                .Where(c => golden.Entries.ContainsKey(c.Input) && golden.Entries.ContainsKey(c.Output)),
        ];
    }

    internal static string ClassOf(ConfigurationReader json) => IsText(json) ? json.Texts("architectures", []).FirstOrDefault("CLIPTextModel") : json.Text("_class_name", "");

    internal static bool IsText(ConfigurationReader json) => json.Text("model_type", "") == "clip_text_model";

    private static VerificationResult Check(ConfigurationReader json, ModelWeights weights, SafetensorsFile golden, string input, string output, PipelinePart part, Device device, double tolerance, Action<long>? memoryPredicted, CancellationToken cancellationToken)
    {
        long[] from = golden.Entries[input].Shape, to = golden.Entries[output].Shape;
        bool text = part == PipelinePart.TextEncoder;
        if (from.Length != (text ? 2 : 4) || from.Contains(0)) throw Error(input, from, text ? "[n, tokens]" : "[n, channels, height, width]");
        ImportedNetwork network = text
            ? PartImporter.Import(json, weights, part, 1, (int)from[1])
            : PartImporter.Import(json, weights, part, (int)from[2], (int)from[3], quantize: !output.EndsWith("out.decode_not_quantized", StringComparison.Ordinal));
        Manifest.Map source = network.Network.Maps.Single(m => m.Name == network.Network.Latent), result = network.Output;
        if (!text && from[1] != source.Channels) throw Error(input, from, $"[n, {source.Channels}, height, width]");
        // Of means and logarithms of variances a file may hold the first alone.
        long channels = text ? to[^1] : to.Length == 4 ? to[1] : 0;
        long[] expectedShape = text ? [from[0], from[1], result.Channels] : [from[0], channels, result.Height, result.Width];
        if (!to.SequenceEqual(expectedShape) || channels < 1 || (channels != result.Channels && (!output.EndsWith("out.mean", StringComparison.Ordinal) || 2 * channels != result.Channels)))
            throw Error(output, to, text ? $"[{from[0]}, {from[1]}, {result.Channels}]" : $"[{from[0]}, {result.Channels}, {result.Height}, {result.Width}]");

        float[] x = text ? Array.ConvertAll(golden.ReadIntegers(input), id => (float)id) : GoldenFile.ToChannelsLast(golden.ReadFloats(input), (int)(from[2] * from[3]), (int)from[1]);
        float[] expected = text ? golden.ReadFloats(output) : GoldenFile.ToChannelsLast(golden.ReadFloats(output), (int)(to[2] * to[3]), (int)channels);
        memoryPredicted?.Invoke(WorkingMemory.Program + WorkingMemory.Of(network.StoredNetwork, 1));
        using NetworkEvaluator evaluator = network.Evaluator(device, 1);
        float[] actual = network.Evaluate(evaluator, x, cancellationToken);
        double error = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            // Max passes NaN on.
            error = Math.Max(error, Math.Abs((double)expected[i] - actual[i / channels * result.Channels + i % channels]));
        }

        return new(output[(output.LastIndexOf('.') + 1)..], error <= tolerance ? VerificationStatus.Passed : VerificationStatus.Failed, error, tolerance, [], "");

        SafetensorsException Error(string key, long[] shape, string wanted) =>
            new(golden.Path, key, $"has the shape [{string.Join(", ", shape)}]; {wanted} is expected. The file belongs to another model");
    }
}
