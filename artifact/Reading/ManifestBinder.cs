namespace Specializer.Manifest;

/// <summary>Turns JSON into the manifest's records and checks every value by itself: kind, spelling, range.</summary>
internal static class ManifestBinder
{
    public static CalibrationManifest Bind(JsonNode root, ErrorLog log)
    {
        var o = new ObjectBinder(root, "the manifest", log);
        o.Find("$schema");
        var manifest = new CalibrationManifest(
            o.Integer("schemaVersion", CalibrationManifest.CurrentSchemaVersion, CalibrationManifest.CurrentSchemaVersion),
            Model(o.Object("model")),
            Scheduler(o.Object("scheduler")),
            Sampling(o.Object("sampling")),
            Solver(o.Object("solver")),
            Weights(o.Object("weights")),
            Network(o.Object("network")),
            o.Objects("steps", "a step", 1, ManifestLimits.Steps).Select(Step).ToEquatableArray(),
            Provenance(o.Object("provenance")))
        {
            Statistics = o.Objects("statistics", "the statistics of a width", 0, ManifestLimits.Statistics, optional: true).Select(Statistics).ToEquatableArray(),
            Encoders = o.Objects("encoders", "an encoder", 0, ManifestLimits.Encoders, optional: true).Select(Timeless).ToEquatableArray(),
            ImageEncoder = o.Has("imageEncoder") ? Timeless(o.Object("imageEncoder")) : null,
            Decoder = o.Has("decoder") ? Timeless(o.Object("decoder")) : null,
            DecoderOverlap = o.Has("decoderOverlap") ? o.Integer("decoderOverlap", 1, ManifestLimits.Height) : 0,
            Prompt = o.Has("prompt") ? Prompt(o.Object("prompt")) : null,
        };
        o.Done();
        return manifest;
    }

    private static ModelIdentity Model(ObjectBinder o)
    {
        var model = new ModelIdentity(
            o.Name("name", Names.IsModelName, $"use 1 to {Names.MaximumLength} ASCII letters, digits, '-' and '_'"),
            o.Identifier("architecture"),
            o.Sha256("sha256"),
            o.Long("parameters", 0, ManifestLimits.Parameters),
            o.Integer("height", 1, ManifestLimits.Height),
            o.Integer("width", 1, ManifestLimits.Width),
            o.Integer("channels", 1, ManifestLimits.ImageChannels),
            o.Integer("classes", 0, ManifestLimits.Classes),
            o.Integer("nullLabel", -1, ManifestLimits.Classes))
        {
            EmbeddedGuidance = o.Has("embeddedGuidance") ? o.Number("embeddedGuidance") : null,
        };
        o.Done();
        return model;
    }

    private static SchedulerIdentity Scheduler(ObjectBinder o)
    {
        var scheduler = new SchedulerIdentity(
            o.Name("family", Names.IsFamily, $"use 1 to {Names.MaximumLength} ASCII letters, digits, '-', '_' and '+'"),
            o.Settings("settings", ManifestLimits.Settings));
        // Compared by the validator, when all that it covers is there.
        if (o.Has("program")) o.Sha256("program");
        o.Done();
        return scheduler;
    }

    private static Sampling Sampling(ObjectBinder o)
    {
        var sampling = new Sampling(
            o.Number("guidance"),
            o.Number("guidanceMinimum"),
            o.Number("guidanceMaximum"),
            o.OneOf("meanCorrection", "divide", "mmse", "off"),
            o.Boolean("clampK"),
            o.Boolean("varianceCorrection"),
            o.OneOf("policy", "uniform", "rule", "preset", "budget"),
            o.Long("multiplyAccumulates", 0, long.MaxValue),
            o.Number("bitOperationsSaved", NumberRange.Positive));
        o.Done();
        return sampling;
    }

    private static WeightsIdentity Weights(ObjectBinder o)
    {
        var weights = new WeightsIdentity(
            o.Name("file", Names.IsFileName, $"use a bare file name of ASCII letters, digits, '-', '_' and '.', and none that is a device on Windows, such as 'con' or 'lpt1.x'; the file lies beside the manifest"),
            o.Sha256("sha256"),
            o.Long("bytes", 0, ManifestLimits.WeightBytes));
        o.Done();
        return weights;
    }

    private static Network Network(ObjectBinder o)
    {
        var network = new Network(
            o.ModulePath("latent"),
            o.ModulePath("epsilon"),
            Maps(o),
            Embedding(o.Object("embedding")),
            Operations(o))
        {
            Inputs = o.Has("inputs") ? o.ModulePaths("inputs", ManifestLimits.Ends) : default,
            Outputs = o.Has("variance") ? new([o.ModulePath("variance")]) : default,
        };
        o.Done();
        return network;
    }

    private static TimelessNetwork Timeless(ObjectBinder o)
    {
        string name = o.Identifier("name");
        EquatableArray<string> inputs = o.ModulePaths("inputs", ManifestLimits.Ends, minimum: 1), outputs = o.ModulePaths("outputs", ManifestLimits.Ends, minimum: 1);
        var network = new Network(inputs.FirstOrDefault() ?? "", outputs.FirstOrDefault() ?? "", Maps(o), new(0, 0, 0), Operations(o))
        {
            Inputs = inputs.Skip(1).ToEquatableArray(),
            Outputs = outputs.Skip(1).ToEquatableArray(),
        };
        var timeless = new TimelessNetwork(name, network, o.Numbers("scales", NumberRange.Positive), o.Integers("zeroPoints", 0, 255), o.ManyOf("levels", 15, 255));
        o.Done();
        return timeless;
    }

    private static Prompt Prompt(ObjectBinder o)
    {
        var prompt = new Prompt(o.ModulePath("input"), o.Integers("empty", 0, ManifestLimits.Rows))
        {
            Vocabulary = o.Has("vocabulary") ? o.Integer("vocabulary", 1, ManifestLimits.TextBytes) : 0,
            Merges = o.Has("merges") ? o.Integer("merges", 1, ManifestLimits.TextBytes) : 0,
            Second = o.Has("second") ? o.ModulePath("second") : null,
            Filling = o.Has("filling") ? o.Integer("filling", 0, ManifestLimits.Rows) : 0,
            None = o.Has("none") ? o.ModulePath("none") : null,
            ClipSkip = o.Has("clipSkip") ? o.Integer("clipSkip", 1, ManifestLimits.TextLayers - 1) : 0,
        };
        o.Done();
        return prompt;
    }

    private static EquatableArray<Map> Maps(ObjectBinder o) => o.Objects("maps", "a map", 2, ManifestLimits.Maps).Select(Map).ToEquatableArray();

    private static EquatableArray<Operation> Operations(ObjectBinder o) =>
        o.Objects("operations", "an operation", 1, ManifestLimits.Operations).Select(Operation).ToEquatableArray();

    private static Map Map(ObjectBinder o)
    {
        var map = new Map(
            o.ModulePath("name"),
            o.Integer("height", 1, ManifestLimits.Height),
            o.Integer("width", 1, ManifestLimits.Width),
            o.Integer("channels", 1, ManifestLimits.Channels),
            o.OneOf("type", "float32", "quantized8", "quantized16") switch
            {
                "quantized8" => MapType.Quantized8,
                "quantized16" => MapType.Quantized16,
                _ => MapType.Float32,
            });
        o.Done();
        return map;
    }

    private static Embedding Embedding(ObjectBinder o)
    {
        var embedding = new Embedding(
            o.Integer("width", 0, ManifestLimits.Channels),
            o.Integer("classes", 0, ManifestLimits.Classes),
            o.Integer("vectors", 0, ManifestLimits.Vectors))
        {
            Rows = o.Has("rows") ? o.Integer("rows", 1, ManifestLimits.Rows) : 0,
            FirstRow = o.Has("firstRow") ? o.Integer("firstRow", 0, ManifestLimits.Rows) : 0,
        };
        o.Done();
        return embedding;
    }

    private static Operation Operation(ObjectBinder o)
    {
        JsonNode? kind = o.Find("op");
        Operation operation = OperationKinds.Read(o.OneOf("op", OperationKinds.Names), o);
        // An operation of unknown kind was reported; which properties it should have nobody knows.
        if (kind is null || OperationKinds.Names.Contains(kind.Text)) o.Done();
        return operation;
    }

    private static Step Step(ObjectBinder o)
    {
        var step = new Step(
            new(o.Number("timestep"), o.Number("inputScale", NumberRange.Positive), StatementJson.Read(o, "statements")) { Start = o.Has("start") ? StatementJson.ReadStart(o.Object("start")) : null },
            o.OneOf("activationBits", 4, 8),
            o.Number("calibratedSigma", NumberRange.NotNegative),
            o.Number("lambda"),
            o.Number("k"),
            o.Number("rSquared"),
            o.Number("noiseVariance", NumberRange.NotNegative),
            o.Number("snrDb"),
            o.Number("gain", NumberRange.NotZero),
            o.Numbers("offset"),
            o.Numbers("scales", NumberRange.Positive),
            o.Integers("zeroPoints", 0, 255),
            o.ManyOf("levels", 15, 255),
            o.Numbers("covariance", optional: true),
            o.Numbers("means", optional: true))
        {
            RemovedVariance = o.Has("removedVariance") ? o.Number("removedVariance") : default,
        };
        o.Done();
        return step;
    }

    private static Solver Solver(ObjectBinder o)
    {
        var solver = new Solver(StatementJson.Read(o, "begin"), StatementJson.Read(o, "end"));
        o.Done();
        return solver;
    }

    private static NoiseStatistics Statistics(ObjectBinder o)
    {
        var statistics = new NoiseStatistics(
            o.OneOf("weightBits", 4, 8),
            o.OneOf("activationBits", 4, 8),
            o.Integer("trajectories", 0, int.MaxValue),
            o.Integer("freeRunningTrajectories", 0, int.MaxValue),
            Interval(o, "snrDb"),
            Interval(o, "k"),
            o.Numbers("rSquared"),
            o.Numbers("bias"),
            o.Numbers("noiseVariance", NumberRange.NotNegative),
            o.Numbers("excessKurtosis"),
            o.Numbers("normality", NumberRange.NotNegative),
            Interval(o, "freeRunningSnrDb"));
        o.Done();
        return statistics;
    }

    private static NoiseInterval Interval(ObjectBinder o, string property) => new(o.Numbers(property), o.Numbers(property + "Low"), o.Numbers(property + "High"));

    private static Provenance Provenance(ObjectBinder o)
    {
        var provenance = new Provenance(
            o.Text("tool"),
            o.Text("version"),
            o.Texts("options"),
            o.Integer("trajectories", 0, int.MaxValue),
            o.Long("firstSeed", long.MinValue, long.MaxValue));
        o.Done();
        return provenance;
    }
}
