namespace Specializer;

/// <summary>What a call gives its sampler's inputs, checked: for each input one row for all images, or one for each, and the row that guidance leads away from.</summary>
internal sealed class CallInputs
{
    private readonly Values[] _values;

    private CallInputs(Values[] values) => _values = values;

    /// <param name="options">What to draw.</param>
    /// <param name="d">The sampler's description.</param>
    /// <param name="labels">One for each image; empty where the model has none.</param>
    /// <param name="pictures">What the images begin with; null for noise.</param>
    /// <param name="guided">Whether rows for "none" are needed.</param>
    /// <exception cref="ArgumentException">What is given does not fit the model; the message says what it takes.</exception>
    public static CallInputs Of(SampleOptions options, SamplerDescription d, int[] labels, RequestPictures? pictures, bool guided)
    {
        if (d.Prompt is null && (options.Tokens.Count > 0 || options.NegativeTokens.Count > 0))
            throw new ArgumentException($"{d.Name} takes no tokens.");
        foreach (string name in options.Inputs.Keys.Concat(options.NegativeInputs.Keys))
        {
            if (d.Inputs.Any(i => i.Name == name && !IsOther(d, i))) continue;
            string[] names = [.. d.Inputs.Where(i => !IsOther(d, i)).Select(i => i.Name)];
            throw new ArgumentException($"{d.Name} has no input '{name}'; it has {(names.Length == 0 ? "none" : string.Join(", ", names))}.");
        }

        return new([.. d.Inputs.Select(input => d.Prompt is { } prompt && prompt.Gives(input.Name) ? OfPrompt(options, input, prompt)
            : input.Name == SamplerInput.Label ? OfLabels(input, labels, d)
            : pictures?.Filled is { } mask && input.Name is (SamplerInput.Mask or SamplerInput.MaskedImage) ? OfPicture(options, d, input, pictures!, mask)
            : Numbers(options, input, guided))]);
    }

    /// <summary>What an input is given for an image.</summary>
    /// <param name="input">Index of the input.</param>
    /// <param name="image">Index of the image in its request.</param>
    public ReadOnlySpan<float> Row(int input, int image)
    {
        (float[] rows, int elements) = (_values[input].Rows, _values[input].Input.Elements);
        return rows.AsSpan(rows.Length == elements ? 0 : image * elements, elements);
    }

    /// <summary>What guidance leads away from, for an image.</summary>
    /// <param name="input">Index of the input.</param>
    /// <param name="image">Index of the image in its request.</param>
    public ReadOnlySpan<float> None(int input, int image)
    {
        (float[] none, int elements) = (_values[input].None, _values[input].Input.Elements);
        return none.AsSpan(none.Length == elements ? 0 : image * elements, elements);
    }

    /// <summary>Whether the sampler's own encoder writes an input.</summary>
    /// <param name="input">Index of the input.</param>
    public bool IsEncoded(int input) => _values[input].Rows.Length == 0;

    /// <summary>Whether an input takes tokens or labels, which have options of their own.</summary>
    private static bool IsOther(SamplerDescription d, SamplerInput input) => d.Prompt?.Gives(input.Name) == true || input.Name == SamplerInput.Label;

    private static Values OfLabels(SamplerInput input, int[] labels, SamplerDescription d)
    {
        float[] own = [.. labels.Select(l => (float)l)];
        return new(input, own, d.NullLabel < 0 ? own : [d.NullLabel]);
    }

    private static Values OfPrompt(SampleOptions options, SamplerInput input, PromptInput prompt)
    {
        // Without tokens to lead away from, guidance leads away from no text, where the model knows such.
        if (input.Name == prompt.None) return new(input, [0], [options.NegativeTokens.Count == 0 ? 1 : 0]);
        if (options.Tokens.Count > 1 && options.Tokens.Count != options.Count)
            throw new ArgumentException($"{options.Tokens.Count} lists of tokens for {options.Count} images; give one for all or one for each.");
        IReadOnlyList<int> none = options.NegativeTokens.Count == 0 ? prompt.Empty : options.NegativeTokens;
        IEnumerable<IReadOnlyList<int>> all = options.Tokens.Count == 0 ? [prompt.Empty] : options.Tokens;
        return new(input, [.. all.SelectMany(Checked)], [.. Checked(none)]);

        IEnumerable<float> Checked(IReadOnlyList<int> tokens)
        {
            if (tokens.Count != input.Elements)
                throw new ArgumentException($"A prompt has {tokens.Count} tokens; {input.Elements} are expected, with beginning, end and filling.");
            foreach (int token in tokens)
                if (token < 0 || (input.Rows > 0 && token >= input.Rows)) throw new ArgumentException($"The token {token} is outside 0 to {input.Rows - 1}.");
            return (input.Name == prompt.Second ? prompt.Refill(tokens) : tokens).Select(t => (float)t);
        }
    }

    /// <summary>What a network reads of a given picture; guidance does not lead away from it.</summary>
    private static Values OfPicture(SampleOptions options, SamplerDescription d, SamplerInput input, RequestPictures pictures, float[] mask)
    {
        if (input.Name == SamplerInput.Mask) return new(input, mask, mask);
        if (d.Pictures!.Encoded is not null) return new(input, [], []);
        float[] kept = [.. Enumerable.Range(0, options.Count).SelectMany(pictures.Kept)];
        return new(input, kept, kept);
    }

    private static Values Numbers(SampleOptions options, SamplerInput input, bool guided)
    {
        float[] rows = Given(options.Inputs, nameof(SampleOptions.Inputs)), none = guided ? Given(options.NegativeInputs, nameof(SampleOptions.NegativeInputs)) : [];
        if (rows.Length != input.Elements && rows.LongLength != (long)options.Count * input.Elements)
            throw new ArgumentException($"'{input.Name}' has {rows.Length} numbers; give {input.Elements} for all images, or as many for each of {options.Count}.");
        if (guided && none.Length != input.Elements && none.LongLength != (long)options.Count * input.Elements)
            throw new ArgumentException($"'{input.Name}' has {none.Length} numbers in {nameof(SampleOptions.NegativeInputs)}; {input.Elements} are expected for all images, or as many for each of {options.Count}.");
        return new(input, rows, none);

        float[] Given(IReadOnlyDictionary<string, float[]> values, string option)
        {
            if (!values.TryGetValue(input.Name, out float[]? numbers) || numbers is null)
                throw new ArgumentException($"The model needs '{input.Name}': {input.Height}×{input.Width}×{input.Channels} numbers an image, in {option}.");
            // 0 is never wrong.
            float wrong = numbers.FirstOrDefault(n => !float.IsFinite(n) || (input.Rows > 0 && !(n >= 0 && n < input.Rows && n == MathF.Floor(n))));
            return wrong == 0 ? numbers : throw new ArgumentException($"'{input.Name}' holds {wrong}; {(input.Rows > 0 ? $"whole numbers from 0 to {input.Rows - 1}" : "finite numbers")} are expected.");
        }
    }

    private readonly record struct Values(SamplerInput Input, float[] Rows, float[] None);
}
