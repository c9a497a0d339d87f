namespace Specializer;

/// <summary>What follows from <see cref="SampleOptions"/> for one sampler.</summary>
/// <param name="Options">What to draw.</param>
/// <param name="Labels">One for each image; empty for an unconditional model.</param>
/// <param name="Guidance">Guidance scale; 1 for none.</param>
/// <param name="Inputs">What the model's inputs are given.</param>
internal sealed record SampleRequest(SampleOptions Options, int[] Labels, float Guidance, CallInputs Inputs)
{
    /// <summary>What it begins with in place of noise; null for noise.</summary>
    public RequestPictures? Pictures { get; init; }

    /// <summary>Images that are evaluated together begin at the same step, are masked or not, and by the network or not.</summary>
    public (int Start, bool Noise, bool Masked, bool Filled) Kind => Pictures is { } p ? (p.Start, p.BeginsWithNoise, p.Mask is not null, p.Filled is not null) : (-1, true, false, false);

    /// <summary>Whether each image is evaluated twice.</summary>
    public bool IsGuided => Guidance != 1f;

    /// <summary>What identifies an image's noise and guidance.</summary>
    public DrawnImage Image(int index) => new(Options.Seed, Options.FirstImage + index, Guidance);

    /// <summary>What draws an image again.</summary>
    public ImageId Id(int index) => new(Options.Seed, Options.FirstImage + index, Labels.Length == 0 ? -1 : Labels[index]);

    /// <exception cref="ArgumentNullException">No options.</exception>
    /// <exception cref="ArgumentException">Count or index is out of range, or labels, tokens, inputs or guidance do not fit the model.</exception>
    public static SampleRequest Of(SampleOptions options, Sampler sampler)
    {
        ArgumentNullException.ThrowIfNull(options);
        SamplerDescription d = sampler.Description;
        if (options.Count < 1) throw new ArgumentException($"Count is {options.Count}; draw at least one image.");
        if (options.FirstImage < 0 || options.FirstImage > long.MaxValue - (options.Count - 1))
            throw new ArgumentException($"{options.Count} images from index {options.FirstImage} on leave the indices 0 to {long.MaxValue}. Choose another {nameof(SampleOptions.FirstImage)}.");
        float guidance = options.Guidance is { } asked && asked != d.EmbeddedGuidance ? asked : d.Guidance;
        if (!(guidance >= d.GuidanceMinimum && guidance <= d.GuidanceMaximum))
            throw new ArgumentException(d.EmbeddedGuidance is { } told ? FormattableString.Invariant($"Guidance {guidance} is not possible: {d.Name} is told the scale of guidance, and {told} is compiled in. Leave {nameof(SampleOptions.Guidance)} out, or calibrate with another scale.")
                : FormattableString.Invariant($"Guidance {guidance} lies outside the calibrated interval [{d.GuidanceMinimum}, {d.GuidanceMaximum}]. Calibrate for it, or choose a value inside."));
        if (d.EmbeddedGuidance is not null && (options.NegativePrompt is { Length: > 0 } || options.NegativeTokens.Count > 0 || options.NegativeInputs.Count > 0))
            throw new ArgumentException($"{d.Name} takes nothing negative: it is told the scale of guidance and evaluates an image with its condition alone. Leave the negative prompt out.");
        int[] labels = LabelOfEach(options, d);
        RequestPictures? pictures = RequestPictures.Of(options, d);
        return new(options, labels, guidance, CallInputs.Of(Tokenized(options, sampler), d, labels, pictures, guidance != 1f)) { Pictures = pictures };
    }

    /// <summary>The same options with tokens in place of prompts.</summary>
    private static SampleOptions Tokenized(SampleOptions options, Sampler sampler)
    {
        if (options.Prompts.Count == 0 && options.NegativePrompt is null) return options;
        string name = sampler.Description.Name;
        if (sampler.Description.Prompt is null) throw new ArgumentException($"{name} takes no prompts.");
        if ((options.Prompts.Count > 0 && options.Tokens.Count > 0) || (options.NegativePrompt is not null && options.NegativeTokens.Count > 0))
            throw new ArgumentException("Give prompts or their tokens, not both.");
        if (options.Prompts.Count > 1 && options.Prompts.Count != options.Count)
            throw new ArgumentException($"{options.Prompts.Count} prompts for {options.Count} images; give one for all or one for each.");
        IPromptTokenizer tokenizer = sampler.Tokenizer
            ?? throw new ArgumentException($"{name} has no tokenizer to read prompts with. Reference the package Specializer.Text and build again, set {nameof(Sampler.Tokenizer)}, or give {nameof(SampleOptions.Tokens)}.");
        return options with
        {
            Tokens = options.Prompts.Count > 0 ? [.. options.Prompts.Select(tokenizer.ReadPrompt)] : options.Tokens,
            NegativeTokens = options.NegativePrompt is { } negative ? tokenizer.ReadPrompt(negative) : options.NegativeTokens,
        };
    }

    private static int[] LabelOfEach(SampleOptions options, SamplerDescription d)
    {
        IReadOnlyList<int> labels = options.Labels ?? [];
        if (d.Classes == 0)
            return labels.Count == 0 ? [] : throw new ArgumentException("The model is unconditional and takes no labels.");
        if (labels.Count == 0)
        {
            if (d.NullLabel < 0) throw new ArgumentException($"The model needs a label for each image: 0 to {d.Classes - 1}.");
            labels = [d.NullLabel];
        }

        if (labels.Count != 1 && labels.Count != options.Count)
            throw new ArgumentException($"{labels.Count} labels for {options.Count} images; give one for all or one for each.");
        var all = new int[options.Count];
        for (int i = 0; i < all.Length; i++)
        {
            int label = labels[labels.Count == 1 ? 0 : i];
            if (label < 0 || label >= d.Classes)
                throw new ArgumentException($"Label {label} of image {i} is outside 0 to {d.Classes - 1}.");
            all[i] = label;
        }

        return all;
    }
}
