using System.Globalization;
using Specializer.Formats;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Compares an imported model with the reference library's stored outputs. Trajectories are fed the stored state at every step:
/// left to themselves, two correct implementations drift apart by more than any useful tolerance.</summary>
public static class GoldenVerification
{
    /// <summary>Largest absolute error of ε that passes by default.</summary>
    public const double DefaultTolerance = 2e-5;

    /// <summary>Largest relative error of a trajectory's state that passes by default.</summary>
    public const double DefaultTrajectoryTolerance = 1e-4;

    // Schedulers interpolate timesteps in the library's single precision.
    private const double LargestTimestepError = 1e-3;

    // Images evaluated at once.
    private const int Capacity = 2;

    /// <summary>How many times larger an error passes by default where weights are stored in fewer bits than those of the stored outputs, FP32: the weights' rounding
    /// alone, 2⁻¹¹ or 2⁻⁸ of each, moves a prediction by about that.</summary>
    /// <param name="stored">The coarsest type of the weights.</param>
    public static double Allowance(DType stored) => stored switch { DType.F16 => 250, DType.BF16 => 2000, _ => 1 };

    /// <summary>Tokens of the condition that a file of stored outputs was made with; null when it has none.</summary>
    /// <param name="path">Safetensors file with stored inputs and outputs.</param>
    /// <exception cref="Specializer.Formats.SafetensorsException">The file is malformed.</exception>
    /// <exception cref="IOException">The file is missing or unreadable.</exception>
    public static int? Tokens(string path)
    {
        using Formats.SafetensorsFile file = Formats.SafetensorsFile.Open(path);
        return file.Entries.TryGetValue(GoldenFile.PrefixOf(file) + "in." + UNetImporter.Context, out Formats.SafetensorsEntry? entry) && entry.Shape is [_, > 0 and <= int.MaxValue, _] ? (int)entry.Shape[1] : null;
    }

    /// <summary>Bytes that <see cref="Run(ImportedModel, string, ReferenceEngine, double, double, CancellationToken)"/> holds in memory at most.</summary>
    internal static long PredictMemory(ImportedModel model, ReferenceEngine engine) =>
        // Other engines have their own form of the weights.
        WorkingMemory.Program + WorkingMemory.Of(engine is InterpreterEngine ? model.StoredNetwork : model.Network, Capacity);

    /// <summary>Whether a file holds inputs of a network; one of a pipeline may hold those of other parts alone.</summary>
    /// <param name="path">Safetensors file with stored inputs and outputs.</param>
    /// <exception cref="Specializer.Formats.SafetensorsException">The file is malformed.</exception>
    /// <exception cref="IOException">The file is missing or unreadable.</exception>
    public static bool Recognizes(string path)
    {
        using Formats.SafetensorsFile file = Formats.SafetensorsFile.Open(path);
        return file.Entries.ContainsKey(GoldenFile.PrefixOf(file) + "in.x");
    }

    /// <summary>Runs every check that the file allows on this project's kernels.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">Safetensors file with stored inputs and outputs, NCHW.</param>
    /// <param name="device">Where to run; stays the caller's.</param>
    /// <param name="tolerance">Largest absolute error of ε.</param>
    /// <param name="trajectoryTolerance">Largest error of a trajectory's state, relative to its largest magnitude.</param>
    /// <param name="cancellationToken">Acts within an evaluation.</param>
    /// <exception cref="Specializer.Formats.SafetensorsException">The file is malformed or belongs to another model.</exception>
    /// <exception cref="IOException">The file is missing or unreadable.</exception>
    public static IReadOnlyList<VerificationResult> Run(ImportedModel model, string path, Device device,
        double tolerance = DefaultTolerance, double trajectoryTolerance = DefaultTrajectoryTolerance, CancellationToken cancellationToken = default) =>
        Run(model, path, new InterpreterEngine(device), tolerance, trajectoryTolerance, cancellationToken);

    /// <summary>Runs every check that the file allows.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">Safetensors file with stored inputs and outputs, NCHW.</param>
    /// <param name="engine">What evaluates the model.</param>
    /// <param name="tolerance">Largest absolute error of ε.</param>
    /// <param name="trajectoryTolerance">Largest error of a trajectory's state, relative to its largest magnitude.</param>
    /// <param name="cancellationToken">Acts within an evaluation.</param>
    /// <exception cref="Specializer.Formats.SafetensorsException">The file is malformed or belongs to another model.</exception>
    /// <exception cref="IOException">The file is missing or unreadable.</exception>
    public static IReadOnlyList<VerificationResult> Run(ImportedModel model, string path, ReferenceEngine engine,
        double tolerance = DefaultTolerance, double trajectoryTolerance = DefaultTrajectoryTolerance, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(engine);
        using var golden = new GoldenFile(path, model.Height, model.Width, model.Channels);
        float[] x = golden.Images("in.x");
        int elements = model.Height * model.Width * model.Channels, images = x.Length / elements;
        model = Told(golden, model, images);
        int[] labels = Labels(golden, model, images);
        var results = new List<VerificationResult> { Forward(golden, model, engine, x, labels, tolerance, cancellationToken) };
        foreach (string name in golden.Trajectories)
            results.Add(Trajectory(golden, model, engine, name, labels, trajectoryTolerance, cancellationToken));
        return results;
    }

    private static VerificationResult Forward(
        GoldenFile golden, ImportedModel model, ReferenceEngine engine, float[] x, int[] labels, double tolerance, CancellationToken cancellationToken)
    {
        int elements = model.Height * model.Width * model.Channels, images = x.Length / elements;
        int outputs = model.Height * model.Width * model.OutputChannels;
        int[] timesteps = golden.Integers("in.t", images);
        float[] expected = golden.Images("out.eps", model.OutputChannels), actual = new float[expected.Length];
        if (expected.Length != images * outputs) throw golden.Error("out.eps", "holds another number of images than 'in.x'");
        using IReferenceNetwork network = Prepare(model, Array.ConvertAll(timesteps, t => (float)t), engine);
        var inputs = Inputs(golden, model, images);
        for (int image = 0; image < images; image++)
        {
            foreach (var (name, values) in inputs) network.Give(name, values.AsSpan(image * (values.Length / images), values.Length / images));
            network.Evaluate(image, x.AsSpan(image * elements, elements), labels.Length == 0 ? [] : labels.AsSpan(image, 1), actual.AsSpan(image * outputs, outputs), null, cancellationToken);
        }

        double error = LargestDifference(expected, actual);
        return new("eps", Judge(error, tolerance), error, tolerance, [], "");
    }

    private static VerificationResult Trajectory(
        GoldenFile golden, ImportedModel model, ReferenceEngine engine, string name, int[] labels, double tolerance, CancellationToken cancellationToken)
    {
        if (model.OutputChannels != model.Channels && !LearnedVariance.IsPredicted(model)) return Skipped("the network reads more than the state");
        if (model.GuidanceNumbers is { Count: > 1 } told)
        {
            if (told.Any(numbers => !numbers.AsSpan().SequenceEqual(told[0]))) return Skipped("each image was told another scale of guidance, and a step has one for all");
            model = model with { GuidanceNumbers = [told[0]] };
        }

        float[] start = golden.Images("traj.xT"), states = golden.Images($"traj.{name}.x");
        float[] noise = golden.Has($"traj.{name}.noise") ? golden.Noise($"traj.{name}.noise", model.OutputChannels) : new float[states.Length];
        int steps = states.Length / start.Length;
        if (steps == 0 || steps * start.Length != states.Length || noise.Length != states.Length)
            throw golden.Error($"traj.{name}.x", "does not hold a whole number of steps of 'traj.xT', or another number than its noise");
        SolverProgram? program;
        try
        {
            program = Program(model, name, steps);
            if (program is not null) model = LearnedVariance.Split(model, program.LearnsVariance);
        }
        catch (Exception e) when (e is ArgumentException or ModelImportException)
        {
            return Skipped($"this scheduler cannot be run with the model's settings: {e.Message}");
        }

        if (program is null) return Skipped($"there is no scheduler of this name that evaluates the network {steps} times; known are {string.Join(", ", SchedulerFamily.All.Select(f => f.Name))}");
        float[] own = [.. program.Evaluations.Select(e => e.Timestep.Single)], timesteps = golden.Timesteps($"traj.{name}.timesteps", steps);
        if (!own.Zip(timesteps).All(t => Math.Abs(t.First - t.Second) <= LargestTimestepError))
        {
            return new(name, VerificationStatus.Failed, double.PositiveInfinity, tolerance, [],
                $"the timesteps are {string.Join(", ", own)} here and {string.Join(", ", timesteps)} in the file");
        }

        using IReferenceNetwork network = Prepare(model, timesteps, engine);
        int elements = model.Height * model.Width * model.Channels, images = start.Length / elements;
        foreach (var (given, values) in Inputs(golden, model, images)) network.Give(given, values);
        var errors = new double[steps];
        var epsilon = new float[start.Length];
        var input = new float[start.Length];
        // The first state is the program's multiple of unit noise. History is made of predictions on the stored states.
        var solver = new ProgramInterpreter(program, images, elements,
            (to, picture, draw) => (draw < 0 ? start.AsSpan() : noise.AsSpan(draw * start.Length)).Slice(picture * to.Length, to.Length).CopyTo(to));
        solver.Begin();
        for (int step = 0; step < steps; step++)
        {
            if (step > 0) states.AsSpan((step - 1) * start.Length, start.Length).CopyTo(solver.State);
            ReadOnlySpan<float> expected = states.AsSpan(step * start.Length, start.Length);
            solver.Input(step, input);
            var variance = new VarianceReader(model.Network, images, elements, null);
            network.Evaluate(step, input, labels, epsilon, variance.Observer, cancellationToken);
            solver.Advance(step, epsilon, variance.Values);
            errors[step] = LargestDifference(expected, solver.State) / LargestMagnitude(expected);
        }

        return new(name, Judge(errors.Max(), tolerance), errors.Max(), tolerance, errors, "");

        VerificationResult Skipped(string why) => new(name, VerificationStatus.Skipped, 0, tolerance, [], why);
    }

    /// <summary>The program of a trajectory's scheduler with so many evaluations, more than one of which some schedulers make in a step; null where there is none.</summary>
    /// <param name="model">The model.</param>
    /// <param name="name">A scheduler's name, or <c>dpm++</c>; <c>_eta1</c> behind it is that η.</param>
    /// <param name="evaluations">How many.</param>
    private static SolverProgram? Program(ImportedModel model, string name, int evaluations)
    {
        string[] parts = name.Split("_eta");
        double? eta = parts is [_, var number] && double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : null;
        string family = parts[0] == "dpm++" ? "dpmsolver++" : parts[0];
        if (evaluations > ManifestLimits.Steps || SchedulerFamily.All.All(f => f.Name != family)) return null;
        return Enumerable.Range(1, evaluations).Reverse().Select(steps => model.Scheduler.Run(family, steps, eta).Program).FirstOrDefault(p => p.Evaluations.Count == evaluations);
    }

    private static int[] Labels(GoldenFile golden, ImportedModel model, int images)
    {
        if (model.Classes == 0) return [];
        int[] labels = golden.Integers("in.class_labels", images);
        return labels.All(l => l >= 0 && l < model.Classes) ? labels
            : throw golden.Error("in.class_labels", $"holds labels outside 0 to {model.Classes - 1}. The file belongs to another model");
    }

    /// <summary>A network that reads the scale of guidance is given what the stored outputs were made with: for each image its row of <c>in.timestep_cond</c>, or nothing where that is missing, as in the reference library.</summary>
    private static ImportedModel Told(GoldenFile golden, ImportedModel model, int images)
    {
        const string key = "in.timestep_cond";
        if (model.EmbeddedGuidance is null) return model;
        if (!golden.Has(key)) return model with { GuidanceNumbers = [] };
        var (rows, length) = golden.Table(key, images);
        return length == model.Time.GuidanceFeatures ? model with { GuidanceNumbers = [.. rows.Chunk(length)] }
            : throw golden.Error(key, $"has rows of {length} numbers; the model reads {model.Time.GuidanceFeatures}. The file belongs to another model");
    }

    private static Dictionary<string, float[]> Inputs(GoldenFile golden, ImportedModel model, int images) =>
        model.Network.Inputs.ToDictionary(name => name, name => Input(golden, model, name, images), StringComparer.Ordinal);

    private static float[] Input(GoldenFile golden, ImportedModel model, string name, int images)
    {
        Manifest.Map map = model.Network.Maps.Single(m => m.Name == name);
        switch (name)
        {
            case UNetImporter.Context:
                return golden.Rows("in." + name, map.Width, map.Channels);
            case UNetImporter.Labels:
                return Array.ConvertAll(golden.Integers("in." + name, images), label => (float)label);
            case UNetImporter.LabelFeatures:
                return model.Time.LabelFeatures(golden.Timesteps("in." + UNetImporter.Labels, images));
            case UNetImporter.LabelVector:
                var (vectors, length) = golden.Table("in." + UNetImporter.Labels, images);
                return length == map.Channels ? vectors : throw golden.Error("in." + UNetImporter.Labels, $"has rows of {length} numbers; the model reads {map.Channels}. The file belongs to another model");
            default:
                var (texts, text) = golden.Table("in.text_embeds", images);
                var (numbers, count) = golden.Table("in.time_ids", images);
                float[][] rows = [.. texts.Chunk(text).Zip(numbers.Chunk(count), (t, n) => model.Time.AddedConditions(t, n))];
                return rows[0].Length == map.Channels ? [.. rows.SelectMany(r => r)]
                    : throw golden.Error("in.text_embeds", $"and 'in.time_ids' make {rows[0].Length} channels; the model adds {map.Channels}. The file belongs to another model");
        }
    }

    private static IReferenceNetwork Prepare(ImportedModel model, float[] timesteps, ReferenceEngine engine) =>
        engine.Create(model, timesteps, Capacity);

    // A NaN fails every comparison, so it must not look like a small error.
    private static VerificationStatus Judge(double error, double tolerance) => error <= tolerance ? VerificationStatus.Passed : VerificationStatus.Failed;

    private static double LargestDifference(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double largest = 0;
        for (int i = 0; i < a.Length; i++) largest = Math.Max(largest, Math.Abs((double)a[i] - b[i]));
        return largest;
    }

    private static double LargestMagnitude(ReadOnlySpan<float> a)
    {
        double largest = 0;
        foreach (float value in a) largest = Math.Max(largest, Math.Abs((double)value));
        return largest;
    }
}
