using Specializer.Manifest;
using Specializer.Text;

namespace Specializer.Calibration;

/// <summary>A sampler that is interpreted, not generated: the FP32 network for comparison, or an artefact's network exactly as its generated sampler runs it.</summary>
/// <remarks>It shares sessions, noise and kernels with generated samplers, so equal seeds start from equal noise, and an artefact gives the generated sampler's bits.</remarks>
public sealed class InterpretedSampler : Sampler
{
    private readonly NetworkInterpreter _interpreter;
    private readonly InterpretedSolver _solver;
    private readonly InterpretedStep[] _steps;
    private readonly InterpretedStep _once;

    private InterpretedSampler(
        NetworkInterpreter interpreter, InterpretedSolver solver, InterpretedStep[] steps, InterpretedStep once, SamplerDescription description, Device? device, PackedWeights packed)
        : base(description, device, packed)
    {
        _interpreter = interpreter;
        _solver = solver;
        _steps = steps;
        _once = once;
    }

    /// <summary>The FP32 network, or pipeline, with the solver as it is: no quantization, no corrections.</summary>
    /// <param name="model">The model; with a null label or a text encoder when guidance is wanted.</param>
    /// <param name="steps">Denoising steps.</param>
    /// <param name="eta">η of DDIM, γ of TCD, in [0, 1]; null for the scheduler's own.</param>
    /// <param name="scheduler">Family, such as <c>ddim</c> (docs/schedulers.md); null for the model's own, or for DDIM where that is DDPM and η is not 1.</param>
    /// <param name="device">Where to run; null for a CPU device of its own.</param>
    /// <param name="guidance">Guidance scale that calls use unless they say otherwise; 1 for none.</param>
    /// <exception cref="ArgumentException">Scheduler, η, steps or guidance are not possible for this model.</exception>
    /// <exception cref="UnsupportedModelException">The scheduler's file asks for what is not compiled.</exception>
    /// <remarks>A model that was read with its encoder, or that draws pictures themselves, also begins with pictures.</remarks>
    public static InterpretedSampler Float32(ImportedModel model, int steps, double? eta = null, string? scheduler = null, Device? device = null, float guidance = 1)
    {
        ArgumentNullException.ThrowIfNull(model);
        return Float32(model, Calibrator.Solver(model, new() { Steps = steps, Eta = eta, Scheduler = scheduler, ImageToImage = model.Decoder is null || model.Encoder is not null }).Program, device, guidance);
    }

    /// <summary>The FP32 network, or pipeline, along a program.</summary>
    internal static InterpretedSampler Float32(ImportedModel model, SolverProgram program, Device? device, float guidance)
    {
        bool guidable = model.EmbeddedGuidance is null && (model.NullLabel >= 0 || (model.Labels is null && model.Network.Inputs.Count > 0));
        if (guidance != 1 && !guidable)
            throw new ArgumentException(model.EmbeddedGuidance is { } told ? FormattableString.Invariant($"{model.Name} is told the scale of guidance, {told}, and evaluated once. Leave the guidance at 1, and set {nameof(ImportedModel.EmbeddedGuidance)} for another scale.")
                : $"Guidance {guidance} needs the label that means \"none\", which {model.Name} has not. Import it with a null label, or use 1.", nameof(guidance));
        model = LearnedVariance.Split(model, program.LearnsVariance);
        var plan = new SolverPlan(program);
        var parts = PipelineParts.Float32(model);
        var interpreter = new NetworkInterpreter(parts.Link(model.StoredNetwork), program.Evaluations.Count, plan);
        Func<string, long, byte[]> sampled = model.TensorBytes([.. program.Evaluations.Select(e => e.Timestep.Single)]);
        PackedWeights packed = interpreter.Pack((name, length) => parts.Bytes(name, length, sampled));
        InterpretedStep[] interpreted = [.. program.Evaluations.Select(e => new InterpretedStep
        {
            Sigma = e.Sigma.Single,
            // No noise of quantization: guidance then only combines.
            Covariance = new float[16], Means = new float[4 * model.Channels],
        })];
        return new(interpreter, new(interpreter, plan, program.Evaluations, program, _ => true), interpreted, InterpretedStep.Float32, Describe(interpreter) with
        {
            Pictures = interpreter.Pictures(program),
            Prompt = parts.Prompt is { } prompt ? Describe(prompt) : null,
            Name = model.Name,
            Classes = model.Classes,
            NullLabel = model.NullLabel,
            Guidance = guidance,
            // No statistics that could be missing: any finite scale will do.
            GuidanceMinimum = guidable ? -float.MaxValue : 1,
            GuidanceMaximum = guidable ? float.MaxValue : 1,
            EmbeddedGuidance = (float?)model.EmbeddedGuidance,
            Float32Bytes = 4 * model.Parameters,
            BitOperationsSaved = 1,
            Steps = [.. interpreted.Select((s, i) => new StepDescription(program.Evaluations[i].Timestep.Single, 32, 0, s.Sigma, s.Sigma, float.PositiveInfinity))],
        }, device, packed)
        {
            Tokenizer = model.Text?.Tokenizer,
        };
    }

    /// <summary>A calibrated artefact, as its generated sampler runs it.</summary>
    /// <param name="manifestPath">Path of <c>NAME.calibration.json</c>; the weights lie beside it.</param>
    /// <param name="device">Where to run; null for a CPU device of its own.</param>
    /// <exception cref="ArtifactException">Manifest or weights are malformed or do not belong together.</exception>
    /// <exception cref="IOException">A file is missing or unreadable.</exception>
    public static InterpretedSampler FromArtifact(string manifestPath, Device? device = null)
    {
        using CalibrationArtifact artifact = CalibrationArtifact.Open(manifestPath);
        return FromManifest(artifact.Manifest, artifact.Tensor, device);
    }

    /// <summary>A manifest and weights that need not be written yet, as their generated sampler would run them.</summary>
    /// <param name="manifest">Sound: as <see cref="ManifestReader"/> accepts it.</param>
    /// <param name="tensor">Gives the little-endian bytes of a tensor.</param>
    /// <param name="device">Where to run; null for a CPU device of its own.</param>
    internal static InterpretedSampler FromManifest(CalibrationManifest manifest, Func<string, long, byte[]> tensor, Device? device = null)
    {
        var plan = new SolverPlan(manifest.Program);
        var interpreter = new NetworkInterpreter(LinkedNetwork.Of(manifest), manifest.Steps.Count, plan);
        PackedWeights packed = interpreter.Pack(tensor);
        Manifest.Sampling sampling = manifest.Sampling;
        var sampler = new InterpretedSampler(interpreter, InterpretedSolver.Of(manifest, interpreter, plan), [.. manifest.Steps.Select(s => InterpretedStep.FromManifest(s, sampling))], InterpretedStep.Once(manifest), Describe(interpreter) with
        {
            Pictures = interpreter.Pictures(manifest.Program),
            TileOverlap = manifest.DecoderOverlap,
            Prompt = manifest.Prompt is { } prompt ? Describe(prompt) with { Vocabulary = interpreter.Text(Prompt.VocabularyTensor), Merges = interpreter.Text(Prompt.MergesTensor) } : null,
            Name = manifest.Model.Name,
            Classes = manifest.Model.Classes,
            NullLabel = manifest.Model.NullLabel,
            Guidance = sampling.Guidance.Single,
            GuidanceMinimum = sampling.GuidanceMinimum.Single,
            GuidanceMaximum = sampling.GuidanceMaximum.Single,
            EmbeddedGuidance = manifest.Model.EmbeddedGuidance?.Single,
            Float32Bytes = 4 * manifest.Model.Parameters,
            BitOperationsSaved = sampling.BitOperationsSaved.Value,
            MultiplyAccumulates = sampling.MultiplyAccumulates,
            Steps = [.. manifest.Steps.Select(s => new StepDescription(
                s.Timestep.Single, s.ActivationBits, s.K.Single, s.Sigma.Single, s.CalibratedSigma.Single, s.SnrDb.Single))],
        }, device, packed);
        if (manifest.Prompt is { Vocabulary: > 0 }) sampler.Tokenizer = ClipTokenizer.Of(sampler);
        return sampler;
    }

    /// <inheritdoc/>
    protected internal override void Prepare(Execution run) => _interpreter.Prepare(run, _once);

    /// <inheritdoc/>
    protected internal override void Encode(Execution run) => _interpreter.Encode(run, _once);

    /// <inheritdoc/>
    protected internal override void Decode(Execution run) => _interpreter.Decode(run, _once);

    /// <inheritdoc/>
    protected internal override void RunBegin(Execution run) => _solver.Begin(run);

    /// <inheritdoc/>
    protected internal override void RunStep(int step, Execution run) => _interpreter.RunStep(run, step, _steps[step], _solver);

    /// <inheritdoc/>
    protected internal override void RunEnd(Execution run) => _solver.End(run);

    private static PromptInput Describe(Prompt prompt) => new(prompt.Input, prompt.Empty) { Second = prompt.Second, Filling = prompt.Filling, None = prompt.None };

    // What the network alone decides; the factory methods replace the rest.
    private static SamplerDescription Describe(NetworkInterpreter interpreter)
    {
        Map latent = interpreter.Network.Maps.Single(m => m.Name == interpreter.Network.Latent), picture = interpreter.PictureMap;
        return new()
        {
            Name = "", Height = picture.Height, Width = picture.Width, Channels = picture.Channels, Classes = 0, NullLabel = -1,
            Guidance = 1, GuidanceMinimum = 1, GuidanceMaximum = 1,
            BytesPerImage = interpreter.Plan.BytesPerImage, WeightBytes = interpreter.Layout.TotalBytes, Float32Bytes = 0, BitOperationsSaved = 1,
            MultiplyAccumulates = NetworkCost.MultiplyAccumulates(interpreter.Network),
            Latent = interpreter.State, Input = interpreter.State == interpreter.Latent ? null : interpreter.Latent, Vectors = interpreter.Vectors, Steps = [],
            State = picture == latent ? null : new(latent.Height, latent.Width, latent.Channels), Picture = picture == latent ? null : interpreter.Picture, Inputs = interpreter.Inputs,
            Tile = interpreter.Tile, TilesBlend = interpreter.TilesBlend,
        };
    }
}
