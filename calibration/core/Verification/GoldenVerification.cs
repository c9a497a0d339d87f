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
        return file.Entries.TryGetValue("in." + UNetImporter.Context, out Formats.SafetensorsEntry? entry) && entry.Shape is [_, > 0 and <= int.MaxValue, _] ? (int)entry.Shape[1] : null;
    }

    /// <summary>Runs every check that the file allows on this project's kernels.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">Safetensors file with stored inputs and outputs, NCHW.</param>
    /// <param name="device">Where to run; stays the caller's.</param>
    /// <param name="tolerance">Largest absolute error of ε.</param>
    /// <param name="trajectoryTolerance">Largest error of a trajectory's state, relative to its largest magnitude.</param>
    /// <param name="cancellation">Acts within an evaluation.</param>
    /// <exception cref="Specializer.Formats.SafetensorsException">The file is malformed or belongs to another model.</exception>
    /// <exception cref="IOException">The file is missing or unreadable.</exception>
    public static IReadOnlyList<VerificationResult> Run(ImportedModel model, string path, Device device,
        double tolerance = DefaultTolerance, double trajectoryTolerance = DefaultTrajectoryTolerance, CancellationToken cancellation = default) =>
        Run(model, path, new InterpreterEngine(device), tolerance, trajectoryTolerance, cancellation);

    /// <summary>Runs every check that the file allows.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">Safetensors file with stored inputs and outputs, NCHW.</param>
    /// <param name="engine">What evaluates the model.</param>
    /// <param name="tolerance">Largest absolute error of ε.</param>
    /// <param name="trajectoryTolerance">Largest error of a trajectory's state, relative to its largest magnitude.</param>
    /// <param name="cancellation">Acts within an evaluation.</param>
    /// <exception cref="Specializer.Formats.SafetensorsException">The file is malformed or belongs to another model.</exception>
    /// <exception cref="IOException">The file is missing or unreadable.</exception>
    public static IReadOnlyList<VerificationResult> Run(ImportedModel model, string path, ReferenceEngine engine,
        double tolerance = DefaultTolerance, double trajectoryTolerance = DefaultTrajectoryTolerance, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(engine);
        using var golden = new GoldenFile(path, model.Height, model.Width, model.Channels);
        float[] x = golden.Images("in.x");
        int elements = model.Height * model.Width * model.Channels, images = x.Length / elements;
        int[] labels = Labels(golden, model, images);
        var results = new List<VerificationResult> { Forward(golden, model, engine, x, labels, tolerance, cancellation) };
        foreach (string name in golden.Trajectories)
            results.Add(Trajectory(golden, model, engine, name, labels, trajectoryTolerance, cancellation));
        return results;
    }

    private static VerificationResult Forward(
        GoldenFile golden, ImportedModel model, ReferenceEngine engine, float[] x, int[] labels, double tolerance, CancellationToken cancellation)
    {
        int elements = model.Height * model.Width * model.Channels, images = x.Length / elements;
        int outputs = model.Height * model.Width * model.OutputChannels;
        int[] timesteps = golden.Integers("in.t", images);
        float[] expected = golden.Images("out.eps", model.OutputChannels), actual = new float[expected.Length];
        if (expected.Length != images * outputs) throw golden.Error("out.eps", "holds another number of images than 'in.x'");
        using IReferenceNetwork network = Prepare(model, timesteps, engine);
        var inputs = Inputs(golden, model, images);
        for (int image = 0; image < images; image++)
        {
            foreach (var (name, values) in inputs) network.Give(name, values.AsSpan(image * (values.Length / images), values.Length / images));
            network.Evaluate(image, x.AsSpan(image * elements, elements), labels.Length == 0 ? [] : labels.AsSpan(image, 1), actual.AsSpan(image * outputs, outputs), null, cancellation);
        }

        double error = LargestDifference(expected, actual);
        return new("eps", Judge(error, tolerance), error, tolerance, [], "");
    }

    private static VerificationResult Trajectory(
        GoldenFile golden, ImportedModel model, ReferenceEngine engine, string name, int[] labels, double tolerance, CancellationToken cancellation)
    {
        (string Family, double? Eta)? kind = name switch
        {
            "ddpm" => ("ddpm", null),
            "ddim" => ("ddim", 0),
            "ddim_eta1" => ("ddim", 1),
            _ => null,
        };
        if (model.OutputChannels != model.Channels) return new(name, VerificationStatus.Skipped, 0, tolerance, [], "the network predicts its variance as well, or reads more than the state");
        if (kind is null) return new(name, VerificationStatus.Skipped, 0, tolerance, [], "this sampler is not supported yet");

        float[] start = golden.Images("traj.xT"), states = golden.Images($"traj.{name}.x");
        float[] noise = golden.Has($"traj.{name}.noise") ? golden.Images($"traj.{name}.noise") : new float[states.Length];
        int steps = states.Length / start.Length;
        if (steps == 0 || steps * start.Length != states.Length || noise.Length != states.Length)
            throw golden.Error($"traj.{name}.x", "does not hold a whole number of steps of 'traj.xT', or another number than its noise");
        SolverProgram program = model.Scheduler.Run(kind.Value.Family, steps, kind.Value.Eta).Program;
        int[] own = [.. program.Evaluations.Select(e => (int)e.Timestep.Single)];
        int[] timesteps = golden.Integers($"traj.{name}.timesteps", steps);
        if (!timesteps.SequenceEqual(own))
        {
            return new(name, VerificationStatus.Failed, double.PositiveInfinity, tolerance, [],
                $"the timesteps are {string.Join(", ", own)} here and {string.Join(", ", timesteps)} in the file");
        }

        using IReferenceNetwork network = Prepare(model, timesteps, engine);
        int elements = model.Height * model.Width * model.Channels, images = start.Length / elements;
        foreach (var (input, values) in Inputs(golden, model, images)) network.Give(input, values);
        var errors = new double[steps];
        var epsilon = new float[start.Length];
        var solver = new ProgramInterpreter(program, images, elements,
            (to, picture, draw) => noise.AsSpan(Math.Max(draw, 0) * start.Length + picture * to.Length, to.Length).CopyTo(to));
        for (int step = 0; step < steps; step++)
        {
            ReadOnlySpan<float> x = step == 0 ? start : states.AsSpan((step - 1) * start.Length, start.Length);
            ReadOnlySpan<float> expected = states.AsSpan(step * start.Length, start.Length);
            network.Evaluate(step, x, labels, epsilon, null, cancellation);
            x.CopyTo(solver.State);
            solver.Advance(step, epsilon);
            errors[step] = LargestDifference(expected, solver.State) / LargestMagnitude(expected);
        }

        return new(name, Judge(errors.Max(), tolerance), errors.Max(), tolerance, errors, "");
    }

    private static int[] Labels(GoldenFile golden, ImportedModel model, int images)
    {
        if (model.Classes == 0) return [];
        int[] labels = golden.Integers("in.class_labels", images);
        return labels.All(l => l >= 0 && l < model.Classes) ? labels
            : throw golden.Error("in.class_labels", $"holds labels outside 0 to {model.Classes - 1}. The file belongs to another model");
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
            default:
                var (texts, text) = golden.Table("in.text_embeds", images);
                var (numbers, count) = golden.Table("in.time_ids", images);
                float[][] rows = [.. texts.Chunk(text).Zip(numbers.Chunk(count), (t, n) => model.Time.AddedConditions(t, n))];
                return rows[0].Length == map.Channels ? [.. rows.SelectMany(r => r)]
                    : throw golden.Error("in.text_embeds", $"and 'in.time_ids' make {rows[0].Length} channels; the model adds {map.Channels}. The file belongs to another model");
        }
    }

    private static IReferenceNetwork Prepare(ImportedModel model, int[] timesteps, ReferenceEngine engine) =>
        engine.Create(model, Array.ConvertAll(timesteps, t => (float)t), capacity: 2);

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
