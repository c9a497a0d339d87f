namespace Specializer.Manifest;

/// <summary>Everything that the generated sampler is specialized on. Value-equatable; holds no positions.</summary>
internal sealed record CalibrationManifest(
    int SchemaVersion,
    ModelIdentity Model,
    SchedulerIdentity Scheduler,
    Sampling Sampling,
    Solver Solver,
    WeightsIdentity Weights,
    Network Network,
    EquatableArray<Step> Steps,
    Provenance Provenance)
{
    public const int CurrentSchemaVersion = 2;

    /// <summary>What happens to the state, as calibrated for the sampler's own noise.</summary>
    public SolverProgram Program => new(Solver.Begin, Steps.Select(s => s.Evaluation).ToEquatableArray(), Solver.End);

    /// <summary>Noise at every width that was measured; none in an artefact that was made without. Nothing is generated from it.</summary>
    public EquatableArray<NoiseStatistics> Statistics { get; init; }

    /// <summary>Networks that run once a call, in this order, before the first step; their outputs are inputs of <see cref="Network"/>, or of encoders that follow, by name.</summary>
    public EquatableArray<TimelessNetwork> Encoders { get; init; }

    /// <summary>What turns a given picture into a state; null where a picture is a state, or none can be given. Runs where a call gives pictures, before the first step.</summary>
    public TimelessNetwork? ImageEncoder { get; init; }

    /// <summary>What turns the state into a picture; null where the state is the picture.</summary>
    public TimelessNetwork? Decoder { get; init; }

    /// <summary>Rows and columns of the state that neighbouring tiles share, where the decoder reads a tile at a time; 0 where it reads the whole.</summary>
    public int DecoderOverlap { get; init; }

    /// <summary>What texts become; null where a call gives no text.</summary>
    public Prompt? Prompt { get; init; }

    /// <summary>Whether the network fills in what a mask shows of a picture, and reads both: what draws in its place needs an encoder, too.</summary>
    public bool ReadsMask => Network.Inputs.Contains(LinkedNetwork.MaskedImage);

    /// <summary>The same with the sampler's own noise, its variance not corrected.</summary>
    public CalibrationManifest WithOwnNoise() => this with
    {
        Sampling = Sampling with { VarianceCorrection = false },
        Steps = Steps.Select(s => s with { CalibratedSigma = s.Sigma, RemovedVariance = default }).ToEquatableArray(),
    };

    /// <summary>Encoders, then that of pictures, then the decoder.</summary>
    public IEnumerable<TimelessNetwork> Timeless() => Encoders.Concat(new[] { ImageEncoder, Decoder }.OfType<TimelessNetwork>());
}

/// <summary>Which model was calibrated.</summary>
/// <param name="Name">Identifier used in file names and messages: letters, digits, '-', '_'.</param>
/// <param name="Architecture">Class in the source library, e.g. <c>UNet2DModel</c>.</param>
/// <param name="Sha256">Of the FP32 weights file.</param>
/// <param name="Parameters">Number of FP32 parameters, of all networks together.</param>
/// <param name="Height">Rows of the state: of an image, unless there is a decoder.</param>
/// <param name="Width">Columns of the state.</param>
/// <param name="Channels">Channels of the state.</param>
/// <param name="Classes">Labels; 0 when a call gives none.</param>
/// <param name="NullLabel">Label that means "none" for guidance; −1 when there is none.</param>
internal sealed record ModelIdentity(
    string Name, string Architecture, string Sha256, long Parameters, int Height, int Width, int Channels, int Classes, int NullLabel)
{
    /// <summary>Scale of guidance that the network is told beside the timestep, and which its embeddings of the steps hold; null where it reads none.</summary>
    public Number? EmbeddedGuidance { get; init; }
}

/// <summary>How a text enters: as numbers of its tokens, in an input of an encoder.</summary>
/// <param name="Input">Name of the input.</param>
/// <param name="Empty">The tokens of the empty text, which stands for "none" under guidance: beginning, end, then what the rest is filled with.</param>
internal sealed record Prompt(string Input, EquatableArray<int> Empty)
{
    /// <summary>Names of the tensors that hold the tokenizer's files.</summary>
    public const string VocabularyTensor = "prompt.vocabulary", MergesTensor = "prompt.merges";

    /// <summary>Bytes of the tokenizer's <c>vocab.json</c>, which travels with the weights as it is; 0 where callers bring a tokenizer.</summary>
    public int Vocabulary { get; init; }

    /// <summary>Bytes of its <c>merges.txt</c>; 0 exactly when there is no vocabulary.</summary>
    public int Merges { get; init; }

    /// <summary>Name of an input that takes the same tokens with another filling, for a second text encoder; null for none.</summary>
    public string? Second { get; init; }

    /// <summary>The token that fills it; 0 without one.</summary>
    public int Filling { get; init; }

    /// <summary>Name of an input, 1×1×1, that is 1 where guidance leads away from no text at all, and else 0; null where that is the empty text.</summary>
    public string? None { get; init; }

    /// <summary>Last layers of each text encoder that the encoders here lack, beside those that the model never reads; 0 for none. The FP32 model is read so, too.</summary>
    public int ClipSkip { get; init; }
}

/// <summary>The scheduler that the solver's numbers come from, with everything that decides them.</summary>
/// <param name="Family">Which solver, e.g. <c>ddim</c>.</param>
/// <param name="Settings">What it was given, defaults included, in the order of their names.</param>
internal sealed record SchedulerIdentity(string Family, EquatableArray<Setting> Settings)
{
    /// <summary>A setting; null where the scheduler does not know it.</summary>
    public string? this[string name] => Settings.FirstOrDefault(s => s.Name == name)?.Value;
}

/// <summary>A setting of a scheduler.</summary>
/// <param name="Name">In the source library's spelling.</param>
/// <param name="Value">As JSON has it, but for the quotes around texts.</param>
internal sealed record Setting(string Name, string Value);

/// <summary>What the statistics were collected for; anything else is a mismatch.</summary>
/// <param name="Guidance">Compiled-in guidance scale g; 1 for none.</param>
/// <param name="GuidanceMinimum">Smallest g of the recorded interval.</param>
/// <param name="GuidanceMaximum">Largest.</param>
/// <param name="MeanCorrection"><c>divide</c>, <c>mmse</c> or <c>off</c>.</param>
/// <param name="ClampK">Whether negative k became 0.</param>
/// <param name="VarianceCorrection">Whether σ' differs from σ, or c from 0.</param>
/// <param name="Policy">How bits were chosen: <c>uniform</c>, <c>rule</c>, <c>preset</c> or <c>budget</c>.</param>
/// <param name="MultiplyAccumulates">Multiply-accumulates of one evaluation of the network.</param>
/// <param name="BitOperationsSaved">Σ MACs·32·32 over Σ MACs·n_w·n_a, all steps (docs/method.md).</param>
internal sealed record Sampling(
    Number Guidance, Number GuidanceMinimum, Number GuidanceMaximum,
    string MeanCorrection, bool ClampK, bool VarianceCorrection, string Policy, long MultiplyAccumulates, Number BitOperationsSaved);

/// <summary>The weights file: named, never pathed; it lies beside the manifest.</summary>
internal sealed record WeightsIdentity(string File, string Sha256, long Bytes);

/// <summary>How a solver's program begins and ends; what lies between stands with each step.</summary>
/// <param name="Begin">Makes the first state.</param>
/// <param name="End">What becomes of the last state; usually nothing.</param>
internal sealed record Solver(EquatableArray<Statement> Begin, EquatableArray<Statement> End);

/// <summary>One denoising step: an evaluation of the network and what follows it.</summary>
/// <param name="Evaluation">Timestep, scale of the input and the solver's statements, with the sampler's own σ.</param>
/// <param name="ActivationBits">Bits of the activations that 4-bit-weight layers read: 4 or 8. Others stay at 8.</param>
/// <param name="CalibratedSigma">σ'.</param>
/// <param name="Lambda">λ·|λ| times what remains of the noise is the variance that quantization adds to the next state, or c; negative where it takes variance away.</param>
/// <param name="K">Correlation factor as fitted (before clamping).</param>
/// <param name="RSquared">Share of Δ's variance that k explains.</param>
/// <param name="NoiseVariance">σ_q², pooled variance of the uncorrelated rest.</param>
/// <param name="SnrDb">Signal-to-noise ratio of one prediction, teacher-forced, in dB.</param>
/// <param name="Gain">Factor of the folded mean correction.</param>
/// <param name="Offset">Offset per channel of the folded mean correction.</param>
/// <param name="Scales">Per slot: see <see cref="QuantizationSlots"/>.</param>
/// <param name="ZeroPoints">Per slot.</param>
/// <param name="Levels">Per slot: 15 or 255.</param>
/// <param name="Covariance">Joint moments, 4×4 row-major over (ε_u, ε_c, Δ_u, Δ_c); empty when guidance was not calibrated.</param>
/// <param name="Means">Joint means, [channel·4 + i]; empty when guidance was not calibrated.</param>
internal sealed record Step(
    Evaluation Evaluation, int ActivationBits, Number CalibratedSigma, Number Lambda, Number K, Number RSquared,
    Number NoiseVariance, Number SnrDb, Number Gain, EquatableArray<Number> Offset,
    EquatableArray<Number> Scales, EquatableArray<int> ZeroPoints, EquatableArray<int> Levels,
    EquatableArray<Number> Covariance, EquatableArray<Number> Means)
{
    /// <summary>What the network is told.</summary>
    public Number Timestep => Evaluation.Timestep;

    /// <summary>The sampler's own σ.</summary>
    public Number Sigma => Evaluation.Sigma;

    /// <summary>c: what is taken off the variance that the network says of each element, down to 0; negative where it is added, 0 for none.</summary>
    public Number RemovedVariance { get; init; }

    /// <summary>The evaluation as samplers run it: with σ' and c. Where there are joint moments both follow from the guidance of each picture, and stand in their places even if they are 0.</summary>
    /// <param name="corrects">Whether the variance is corrected.</param>
    public Evaluation Sampled(bool corrects)
    {
        bool guided = Covariance.Count > 0;
        return Evaluation.WithSigma(CalibratedSigma, keep: guided).WithRemoved(RemovedVariance, keep: guided && corrects);
    }
}

/// <summary>Quantization noise of one pair of widths at every step, on the calibration's trajectories and without corrections.</summary>
/// <param name="WeightBits">4 or 8.</param>
/// <param name="ActivationBits">4 or 8.</param>
/// <param name="Trajectories">Trajectories of the teacher-forced figures.</param>
/// <param name="FreeRunningTrajectories">Trajectories of the free-running ones.</param>
/// <param name="SnrDb">‖ε‖/‖Δ‖ of one prediction, teacher-forced, dB.</param>
/// <param name="K">Correlation factor.</param>
/// <param name="RSquared">Share of Δ's variance that k explains.</param>
/// <param name="Bias">μ_q, [step·channels + channel].</param>
/// <param name="NoiseVariance">σ_q².</param>
/// <param name="ExcessKurtosis">Of the residual, on a sub-sample.</param>
/// <param name="Normality">p-value of the Jarque-Bera test on the same sub-sample.</param>
/// <param name="FreeRunningSnrDb">‖x‖/‖x̂ − x‖ of the state after each step, each network going its own way, dB.</param>
internal sealed record NoiseStatistics(
    int WeightBits, int ActivationBits, int Trajectories, int FreeRunningTrajectories, NoiseInterval SnrDb, NoiseInterval K, EquatableArray<Number> RSquared,
    EquatableArray<Number> Bias, EquatableArray<Number> NoiseVariance, EquatableArray<Number> ExcessKurtosis, EquatableArray<Number> Normality, NoiseInterval FreeRunningSnrDb);

/// <summary>A statistic of each step with its 95 % interval, bootstrap over trajectories.</summary>
internal sealed record NoiseInterval(EquatableArray<Number> Value, EquatableArray<Number> Low, EquatableArray<Number> High);

/// <summary>How the artefact came to be. No time, no path, no thread count: equal inputs give equal bytes.</summary>
internal sealed record Provenance(string Tool, string Version, EquatableArray<string> Options, int Trajectories, long FirstSeed);
