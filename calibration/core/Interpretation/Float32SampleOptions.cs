using System.Globalization;

namespace Specializer.Calibration;

/// <summary>What <see cref="Float32Sampler"/> draws.</summary>
public sealed record Float32SampleOptions
{
    /// <summary>Number of pictures, at least 1.</summary>
    public int Count { get; init; } = 1;
    /// <summary>Seed of the noise. The same seed and index draw the same picture in any batch.</summary>
    public ulong Seed { get; init; }
    /// <summary>Index of the first picture, at least 0.</summary>
    public long FirstImage { get; init; }
    /// <summary>One prompt for all pictures or one for each, for a model with a text encoder.</summary>
    public IReadOnlyList<string> Prompts { get; init; } = [];
    /// <summary>What guidance leads away from; null for no text, which is the empty one for most models.</summary>
    public string? NegativePrompt { get; init; }
    /// <summary>One context for all pictures or one for each, for a network that reads more than its state and has nothing beside it that makes it; null for other models.</summary>
    public GivenContexts? Contexts { get; init; }
    /// <summary>One label for all pictures or one for each, for a model with classes.</summary>
    public IReadOnlyList<int> Labels { get; init; } = [];
    /// <summary>Scale of classifier-free guidance; 1 for none.</summary>
    public float Guidance { get; init; } = 1;

    /// <summary>What each picture is of: the number of its prompt or context, and its label; empty where the model knows no such thing.</summary>
    /// <exception cref="ArgumentException">The options do not fit the model or each other.</exception>
    internal (int[] Conditions, int[] Labels) Check(ImportedModel model)
    {
        Require(Count >= 1, $"{Count} pictures cannot be drawn; ask for at least 1.");
        Require(FirstImage >= 0, $"The first picture's index is {FirstImage}; it must be at least 0.");
        Require(float.IsFinite(Guidance), $"The guidance {Guidance} is not finite.");
        bool text = model.Text is not null;
        Require(model.EmbeddedGuidance is null || (Guidance == 1 && string.IsNullOrEmpty(NegativePrompt)), string.Create(CultureInfo.InvariantCulture,
            $"{model.Name} is told the scale of guidance, {model.EmbeddedGuidance}, and evaluated once: it takes no negative prompt, and no other guidance than 1. {nameof(ImportedModel)}.{nameof(ImportedModel.EmbeddedGuidance)} is the scale."));
        Require(!model.ReadsMask, $"{model.Name} fills in what a mask shows of a picture: give both (--image FILE.png --mask FILE.png).");
        Contexts?.Check(model);
        Require(GivenContexts.Beyond(model) is null, $"{model.Name} reads '{GivenContexts.Beyond(model)}' besides what its pipeline makes of prompts or labels. Give all that it reads, in place of those (--contexts FILE.safetensors).");
        Require(Contexts is not null || GivenContexts.Expected(model) is null, $"{model.Name} reads more than its state, and there is no text encoder to make it. Give the whole pipeline's folder, or contexts (--contexts FILE.safetensors): {GivenContexts.Expected(model)}.");
        Require(!text || Prompts.Count > 0, $"{model.Name} draws what a prompt says; give one.");
        Require(text || Prompts.Count == 0, $"{model.Name} has no text encoder and takes no prompts.");
        Require(text || string.IsNullOrEmpty(NegativePrompt), $"{model.Name} has no text encoder and takes no negative prompt.");
        Require(!text || string.IsNullOrEmpty(NegativePrompt) || Guidance != 1, "Without guidance a negative prompt changes nothing; give a guidance above 1.");
        Require(model.Classes > 0 || Labels.Count == 0, $"{model.Name} has no classes and takes no labels.");
        Require(model.Classes == 0 || Labels.Count > 0 || model.NullLabel >= 0, $"{model.Name} needs a label, 0 to {model.Classes - 1}.");
        Require(Guidance == 1 || Contexts is not { HasNegative: false }, $"Guidance {Guidance} needs what it leads away from beside the contexts: tensors with '{GivenContexts.Negative}' before the name. Add them, or use 1.");
        Require(Guidance == 1 || text || Contexts is not null || model.NullLabel >= 0, $"Guidance {Guidance} needs the label that means \"none\", which {model.Name} has not. Import it with a null label, or use 1.");
        foreach (int label in Labels) Require(label >= 0 && label < model.Classes, $"The label {label} is outside 0 to {model.Classes - 1}.");
        return (text ? Spread([.. Enumerable.Range(0, Prompts.Count)], "prompts") : Contexts is null ? [] : Spread([.. Enumerable.Range(0, Contexts.Count)], "contexts"),
            model.Classes == 0 ? [] : Spread(Labels.Count == 0 ? [model.NullLabel] : [.. Labels], "labels"));

        static void Require(bool condition, string message)
        {
            if (!condition) throw new ArgumentException(message);
        }
    }

    private int[] Spread(int[] given, string what) => given.Length == Count ? given
        : given.Length == 1 ? [.. Enumerable.Repeat(given[0], Count)]
        : throw new ArgumentException($"{given.Length} {what} for {Count} pictures; give one for all or one for each.");
}
