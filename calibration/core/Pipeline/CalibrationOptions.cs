using Specializer.Formats;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Bits of the activations that 4-bit weights meet.</summary>
public enum ActivationWidth
{
    /// <summary>4 bits at every step.</summary>
    Four,
    /// <summary>8 bits at every step.</summary>
    Eight,
    /// <summary>Each step its own: see <see cref="BitPolicy"/>.</summary>
    Mixed,
}

/// <summary>How steps get their activation bits when they are mixed (docs/method.md, "Bits").</summary>
public enum BitPolicy
{
    /// <summary>The published fraction of the first steps at 4 bits.</summary>
    Preset,
    /// <summary>The paper's rule with a margin.</summary>
    Rule,
    /// <summary>Measured costs under a cap on bit operations.</summary>
    Budget,
}

/// <summary>How the mean of a prediction is corrected.</summary>
public enum MeanCorrectionChoice
{
    /// <summary>By evidence on held-out trajectories.</summary>
    Auto,
    /// <summary>Division by 1 + max(k, 0), as the paper has it.</summary>
    Divide,
    /// <summary>The conditional mean.</summary>
    Mmse,
    /// <summary>None.</summary>
    Off,
}

/// <summary>Whether σ makes room for the quantization noise.</summary>
public enum VarianceCorrectionChoice
{
    /// <summary>By evidence on held-out trajectories.</summary>
    Auto,
    /// <summary>At every step.</summary>
    On,
    /// <summary>At none.</summary>
    Off,
}

/// <summary>The convolutions that read the state, or a given picture (docs/method.md, "Quantizers").</summary>
public enum FirstConvolutionChoice
{
    /// <summary>8 bits.</summary>
    Quantized,
    /// <summary>By evidence on held-out trajectories.</summary>
    Auto,
    /// <summary>Floating point.</summary>
    FloatingPoint,
}

/// <summary>How the activations' ranges of the sampled network count what they clip (docs/method.md, "Quantizers").</summary>
public enum ClippingChoice
{
    /// <summary>As any other error: ranges of least squared error.</summary>
    Plain,
    /// <summary>By evidence on held-out trajectories.</summary>
    Auto,
    /// <summary>Eight times: ranges that clip less and round more coarsely.</summary>
    Weighted,
}

/// <summary>How weights are rounded.</summary>
public enum RoundingChoice
{
    /// <summary>Second order (GPTQ).</summary>
    Gptq,
    /// <summary>To nearest.</summary>
    Nearest,
    /// <summary>Learned block by block, with the activations' step sizes, from <see cref="Gptq"/> on; needs an engine with automatic differentiation.</summary>
    Reconstruct,
    /// <summary>Second order, layer after layer: each for the inputs that it gets from those before it, rounded already, so that its output comes nearest to FP32's; by evidence on held-out trajectories,
    /// else <see cref="Gptq"/>. Every layer takes passes of its own.</summary>
    Sequential,
}

/// <summary>What to calibrate for. Everything here but <see cref="Memory"/>, and nothing else, decides the artefact's bytes.</summary>
public sealed record CalibrationOptions
{
    /// <summary>Denoising steps; some solvers evaluate the network more than once in each.</summary>
    public int Steps { get; init; } = 50;
    /// <summary>Evaluations of the network in these steps, known when the solver is.</summary>
    internal int Evaluations { get => field == 0 ? Steps : field; init; }
    /// <summary>Families of schedulers, such as <c>ddim</c> or <c>dpmsolver++</c> (docs/schedulers.md); none for the model's own, or for DDIM where that is DDPM and η is not 1. Several give a manifest each
    /// and one weights file, rounded for the states of all.</summary>
    public IReadOnlyList<string> Schedulers { get; init; } = [];
    /// <summary>The only one of <see cref="Schedulers"/>; null where there is none, or more than one.</summary>
    public string? Scheduler { get => Schedulers is [var only] ? only : null; init => Schedulers = value is null ? [] : [value]; }
    /// <summary>η of DDIM, γ of TCD, in [0, 1]; null for the family's own, which is 0 for DDIM.</summary>
    public double? Eta { get; init; }
    /// <summary>Bits of the weights, 4 or 8; first and last convolution have 8.</summary>
    public int WeightBits { get; init; } = 4;
    /// <summary>Bits of the activations; 8-bit weights meet 8-bit activations only.</summary>
    public ActivationWidth Activations { get; init; } = ActivationWidth.Mixed;
    /// <summary>Bits of the factors of attention's two products, q·kᵀ and softmax·v: 8 or 32.</summary>
    public int AttentionBits { get; init; } = 32;
    /// <summary>How mixed bits are chosen.</summary>
    public BitPolicy Policy { get; init; } = BitPolicy.Budget;
    /// <summary>Share of steps at 4 bits under <see cref="BitPolicy.Preset"/>; <see cref="BitPolicy.Budget"/> spends as many bit operations as this preset.</summary>
    public double PresetShare { get; init; } = BitAllocation.PresetShare;
    /// <summary>Most layers to keep at 8 bits, those that harm a prediction most for their cost; more steps with 4-bit activations pay for them. 0 for none.</summary>
    public int SensitiveLayers { get; init; }
    /// <summary>Margin on SNR^F under <see cref="BitPolicy.Rule"/>.</summary>
    public double RuleMargin { get; init; } = 1;
    /// <summary>Trajectories that the statistics are collected on.</summary>
    public int Trajectories { get; init; } = 256;
    /// <summary>Trajectories that ranges and input moments come from: the first 256. They converge long before the noise's moments do, for every pixel is a draw.</summary>
    internal int RangeTrajectories => Math.Min(Trajectories, 256);

    /// <summary>What the trajectories of a model with a text encoder draw, each in turn; the empty prompt is what guidance leads away from.</summary>
    public IReadOnlyList<string> Prompts { get; init; } = [];
    /// <summary>What the trajectories of a network are given that reads more than its state and has nothing beside it that makes it, each in turn; null for other models.</summary>
    public GivenContexts? Contexts { get; init; }
    /// <summary>Pictures that the trajectories of a network that fills in a masked part are given, in turn, each as large as what is drawn.</summary>
    public IReadOnlyList<PngPicture> Pictures { get; init; } = [];
    /// <summary>Whether a call may begin with pictures (image to image, inpainting): each step's level, and what solvers of several steps do first, are compiled in, and so is the encoder of a model that draws latents.</summary>
    public bool ImageToImage { get; init; }
    /// <summary>Rows and columns of the picture that the decoder makes at a time, for pictures whose maps would take much memory; 0 for all of it. What tiles share is found from the decoder.</summary>
    public int DecoderTile { get; init; }
    /// <summary>Guidance scale to compile in; 1 for none.</summary>
    public double Guidance { get; init; } = 1;
    /// <summary>Smallest guidance scale to record statistics for.</summary>
    public double GuidanceMinimum { get; init; } = 1;
    /// <summary>Largest guidance scale to record statistics for.</summary>
    public double GuidanceMaximum { get; init; } = 1;
    /// <summary>Correction of the mean.</summary>
    public MeanCorrectionChoice MeanCorrection { get; init; }
    /// <summary>Correction of the variance.</summary>
    public VarianceCorrectionChoice VarianceCorrection { get; init; }
    /// <summary>Rounding of the weights.</summary>
    public RoundingChoice Rounding { get; init; }
    /// <summary>How blocks are learned under <see cref="RoundingChoice.Reconstruct"/>.</summary>
    public ReconstructionOptions Reconstruction { get; init; } = new();
    /// <summary>The first convolution, unless <see cref="Skip"/> names it.</summary>
    public FirstConvolutionChoice FirstConvolution { get; init; }
    /// <summary>Ranges of the activations.</summary>
    public ClippingChoice Clipping { get; init; }
    /// <summary>Convolutions to leave in FP32, by name.</summary>
    public IReadOnlyList<string> Skip { get; init; } = [];
    /// <summary>What evaluates the FP32 network along the trajectories; null for this project's kernels.</summary>
    public ReferenceEngine? Engine { get; init; }
    /// <summary>Bytes that the calibration may hold: layers' second moments are then collected in as many passes as that needs. 0 for one pass. The artefact does not depend on it.</summary>
    public long Memory { get; init; }
    /// <summary>Least time between two states that are kept within a unit of trajectories; zero to keep one after each step. The artefact does not depend on it.</summary>
    internal TimeSpan KeepingInterval { get; init; } = TimeSpan.FromMinutes(1);
    /// <summary>Seed of the trajectories' noise and of every random choice.</summary>
    public ulong Seed { get; init; }

    /// <summary>True when statistics are kept for both halves of a guided pair.</summary>
    internal bool Guided => GuidanceMinimum != 1 || GuidanceMaximum != 1;

    /// <summary>The same where what is asked of the first convolution needs no evidence, or there is none: it is in <see cref="Skip"/> then, or has 8 bits.</summary>
    /// <param name="network">The FP32 network.</param>
    internal CalibrationOptions WithFirstConvolution(Network network)
    {
        string[] first = [.. QuantizedNetwork.Entering(network)];
        return FirstConvolution switch
        {
            FirstConvolutionChoice.FloatingPoint => this with { FirstConvolution = FirstConvolutionChoice.Quantized, Skip = [.. Skip.Union(first)] },
            FirstConvolutionChoice.Auto when Trajectories < Bootstrap.Fewest || first.Length == 0 || first.Intersect(Skip).Any() => this with { FirstConvolution = FirstConvolutionChoice.Quantized },
            _ => this,
        };
    }

    /// <summary>The same where what is asked of the ranges has no evidence: they are plain then.</summary>
    internal CalibrationOptions WithClipping() => Clipping == ClippingChoice.Auto && Trajectories < Bootstrap.Fewest ? this with { Clipping = ClippingChoice.Plain } : this;

    /// <summary>Checks that the options fit each other and the model.</summary>
    /// <exception cref="ArgumentException">They do not; the message says which and how to change them.</exception>
    internal void Validate(ImportedModel model)
    {
        Require(Trajectories >= 1, $"{Trajectories} trajectories give no statistics; ask for at least 1, better 256.");
        Require(Steps >= 1, $"{Steps} steps draw nothing; ask for at least 1.");
        Require(Steps <= ManifestLimits.Steps, $"A manifest holds at most {ManifestLimits.Steps} steps, not {Steps}.");
        Require(model.Channels <= ManifestLimits.ImageChannels, $"{model.Name} draws images of {model.Channels} channels; at most {ManifestLimits.ImageChannels} can be compiled.");
        Require(Seed <= long.MaxValue, $"The seed {Seed} is not below 2^63, as manifests record it. Use a smaller one.");
        Require(WeightBits is 4 or 8, $"Weights have 4 or 8 bits, not {WeightBits}.");
        Require(AttentionBits is 8 or 32, $"Attention's products have 8 bits or 32, not {AttentionBits}.");
        Require(WeightBits == 4 || Activations == ActivationWidth.Eight, "8-bit weights meet 8-bit activations only. Use 4-bit weights for 4-bit or mixed activations, or 8-bit activations.");
        Require(GuidanceMinimum <= Guidance && Guidance <= GuidanceMaximum, $"The guidance {Guidance} lies outside the interval {GuidanceMinimum} to {GuidanceMaximum} that statistics are recorded for.");
        Require(float.IsFinite((float)GuidanceMinimum) && float.IsFinite((float)GuidanceMaximum), $"The guidance interval {GuidanceMinimum} to {GuidanceMaximum} is not finite in FP32.");
        Require(!Guided || model.EmbeddedGuidance is null, $"{model.Name} is told the scale of guidance beside the timestep and evaluated once, without a half that guidance leads away from. Leave guidance and its interval at 1; {nameof(ImportedModel)}.{nameof(ImportedModel.EmbeddedGuidance)} is the scale.");
        Require(!ImageToImage || model.Decoder is null || model.Encoder is not null, $"{model.Name} draws latents, and what makes them of pictures was not read with it. Load it with its encoder, or leave image to image out.");
        Require(DecoderTile == 0 || model.Decoder is not null, $"{model.Name} has no decoder that could work tile by tile. Leave the tile out.");
        if (DecoderTile != 0) DecoderTiles.Of(model.Decoder!.Network, DecoderTile);
        Require(model.Text is null || Prompts.Count > 0, $"{model.Name} draws what prompts say: give some to calibrate with (--prompts FILE, one in each line), of the kind that will be asked for.");
        Require(model.Text is not null || Prompts.Count == 0, $"{model.Name} has no text encoder and takes no prompts.");
        Contexts?.Check(model);
        Require(Contexts is not null || GivenContexts.Expected(model) is null, $"{model.Name} reads more than its state, and nothing in its folder makes it. Give contexts to calibrate with, of the kind that will be asked for (--contexts FILE.safetensors): {GivenContexts.Expected(model)}.");
        Require(!model.ReadsMask || ImageToImage, $"{model.Name} reads a mask and a picture: calibrate it for image to image (--image-to-image), with the encoder that makes states of pictures.");
        Require(!model.ReadsMask || Pictures.Count > 0, $"{model.Name} fills in what a mask shows of a picture: give some to calibrate with (--pictures FOLDER), of the kind that will be given.");
        Require(model.ReadsMask || Pictures.Count == 0, $"{model.Name} reads no pictures beside its state, and needs none to calibrate with. Leave them out.");
        foreach (PngPicture picture in Pictures)
            Require((picture.Height, picture.Width) == (model.Picture.Height, model.Picture.Width), $"A picture to calibrate with has {picture.Height} × {picture.Width} pixels; {model.Name} draws {model.Picture.Height} × {model.Picture.Width}. Resize it.");
        Require(Prompts.All(p => !string.IsNullOrWhiteSpace(p)), "A prompt is empty. The empty prompt is what guidance leads away from; leave it out.");
        Require(model.Network.Inputs.Count == 0 || Rounding != RoundingChoice.Reconstruct, $"{model.Name} reads more than its state ({string.Join(", ", model.Network.Inputs)}), which learned rounding does not give it. Round with gptq (--rounding gptq).");
        Require(!Guided || Contexts is not { HasNegative: false }, $"Guidance needs what it leads away from beside the contexts: tensors with '{GivenContexts.Negative}' before the name. Add them, or calibrate for guidance 1 alone.");
        Require(!Guided || model.NullLabel >= 0 || model.Text is not null || Contexts is not null, $"Guidance needs the label that means \"none\", which {model.Name} has not. Name it (a null label), or calibrate for guidance 1 alone.");
        Require(PresetShare is >= 0 and <= 1, $"The share of steps at 4 bits lies between 0 and 1, not at {PresetShare}.");
        Require(RuleMargin > 0, $"The rule's margin is positive, not {RuleMargin}.");
        Require(Memory >= 0, $"{Memory} bytes of memory are not possible; ask for 0 (no bound) or more.");
        Require(SensitiveLayers >= 0, $"{SensitiveLayers} layers cannot be kept at 8 bits; ask for 0 or more.");
        Require(Schedulers.Count < 2 || (SensitiveLayers == 0 && Rounding != RoundingChoice.Reconstruct),
            "Several schedulers share their weights: layers to keep at 8 bits, and rounding that is learned, would be chosen for one of them. Calibrate for one scheduler, or leave that out.");
        Require(SensitiveLayers == 0 || (Activations == ActivationWidth.Mixed && Policy == BitPolicy.Budget && Rounding != RoundingChoice.Reconstruct),
            "Sensitive layers are paid for by the budget's steps: they need mixed activations, the policy 'budget', and rounding that is not learned.");
        if (Rounding == RoundingChoice.Reconstruct)
        {
            Require(Engine is { CanReconstruct: true }, "Learned rounding needs automatic differentiation: use the engine 'torchsharp', or round with gptq.");
            Reconstruction.Validate();
        }

        foreach (string name in Skip)
            Require(model.Network.Operations.Any(o => o.Name == name && o is ConvolutionOperation), $"There is no convolution '{name}' to skip.");

        static void Require(bool condition, string message)
        {
            if (!condition) throw new ArgumentException(message);
        }
    }
}

/// <summary>Where a calibration stands.</summary>
/// <param name="Phase">What is being done.</param>
/// <param name="Done">Units of work done in all phases.</param>
/// <param name="Total">Units of work in all phases; 1 unit takes about the same time everywhere.</param>
/// <param name="Resumed">The part of <paramref name="Done"/> that an earlier, interrupted run did: it took none of this run's time.</param>
public readonly record struct CalibrationProgress(string Phase, double Done, double Total, double Resumed = 0);
