namespace Specializer;

/// <summary>What follows from <see cref="SampleOptions"/> for one sampler.</summary>
/// <param name="Labels">One for each image; empty for an unconditional model.</param>
/// <param name="Guidance">Guidance scale; 1 for none.</param>
/// <param name="Elements">Numbers of an image.</param>
/// <param name="Inputs">What is given beside labels.</param>
internal readonly record struct SampleRequest(int[] Labels, float Guidance, int Elements, CallInputs Inputs)
{
    /// <exception cref="ArgumentNullException">No options.</exception>
    /// <exception cref="ArgumentException">Count or index is out of range, or labels, tokens, inputs or guidance do not fit the model.</exception>
    public static SampleRequest Of(SampleOptions options, SamplerDescription d)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Count < 1) throw new ArgumentException($"Count is {options.Count}; draw at least one image.");
        int elements = d.ImageElements;
        if ((long)options.Count * elements > Array.MaxLength)
            throw new ArgumentException($"{options.Count} images do not fit one array; draw at most {Array.MaxLength / elements} at a time and go on with {nameof(SampleOptions.FirstImage)}.");
        if (options.FirstImage < 0 || options.FirstImage > long.MaxValue - (options.Count - 1))
            throw new ArgumentException($"{options.Count} images from index {options.FirstImage} on leave the indices 0 to {long.MaxValue}. Choose another {nameof(SampleOptions.FirstImage)}.");
        float guidance = options.Guidance ?? d.Guidance;
        if (!(guidance >= d.GuidanceMinimum && guidance <= d.GuidanceMaximum))
            throw new ArgumentException(FormattableString.Invariant($"Guidance {guidance} lies outside the calibrated interval [{d.GuidanceMinimum}, {d.GuidanceMaximum}]. Calibrate for it, or choose a value inside."));
        int[] labels = LabelOfEach(options, d);
        return new(labels, guidance, elements, CallInputs.Of(options, d, labels, guidance != 1f));
    }

    /// <summary>Images that a session of some capacity evaluates at once.</summary>
    /// <exception cref="ArgumentException">None: guidance evaluates each image twice.</exception>
    public int BatchImages(int capacity)
    {
        int images = Guidance == 1f ? capacity : capacity / 2;
        return images > 0 ? images : throw new ArgumentException("Guidance evaluates each image twice; this session's capacity is 1. Create one with capacity 2 or more.");
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
