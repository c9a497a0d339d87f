using System.Globalization;

namespace Specializer.Extensions.AI;

/// <summary>A model with labels, or with none: the prompt is a label's number or name.</summary>
internal sealed class LabelPromptSampler : IPromptSampler
{
    private readonly Sampler _sampler;
    private readonly bool _owned;
    private readonly SamplerSession _session;
    private readonly Dictionary<string, int> _names;

    /// <param name="sampler">The sampler.</param>
    /// <param name="owned">Whether it is disposed of with this object.</param>
    /// <param name="names">Names of labels; case does not matter.</param>
    /// <param name="capacity">Images evaluated at once; 0 chooses.</param>
    /// <exception cref="ArgumentException">A name's label is none of the model's.</exception>
    public LabelPromptSampler(Sampler sampler, bool owned, IReadOnlyDictionary<string, int> names, int capacity)
    {
        int classes = sampler.Description.Classes;
        foreach (var (name, label) in names)
            if (label < 0 || label >= classes) throw new ArgumentException($"The name '{name}' stands for the label {label}; {sampler.Description.Name} has {(classes == 0 ? "no labels" : $"the labels 0 to {classes - 1}")}.", nameof(names));
        (_sampler, _owned, _names) = (sampler, owned, new(names, StringComparer.OrdinalIgnoreCase));
        _session = sampler.CreateSession(capacity);
    }

    public SamplerDescription Description => _sampler.Description;

    public int Capacity => _session.Capacity;

    public PromptCondition Read(string prompt)
    {
        SamplerDescription d = Description;
        prompt = prompt.Trim();
        if (prompt.Length == 0)
        {
            if (d.Classes == 0) return new(-1);
            if (d.NullLabel >= 0) return new(d.NullLabel);
        }
        else if (_names.TryGetValue(prompt, out int label) || (int.TryParse(prompt, NumberStyles.None, CultureInfo.InvariantCulture, out label) && label < d.Classes))
            return new(label);

        if (d.Classes == 0) throw new ArgumentException($"{d.Name} draws without a prompt; leave it empty.");
        string names = _names.Count == 0 ? "" : $", or a name: {string.Join(", ", _names.Keys.Take(20))}{(_names.Count > 20 ? ", …" : "")}";
        throw new ArgumentException($"{d.Name} does not know the prompt '{(prompt.Length > 60 ? prompt[..60] + "…" : prompt)}'. It draws from labels: give a number from 0 to {d.Classes - 1}{names}.");
    }

    public ImageBatch Draw(IReadOnlyList<ImageRequest> requests, IProgress<SampleProgress>? steps, BatchPreviews? previews, CancellationToken cancellation) =>
        SessionDrawing.Run(_session, requests, r => r.Options with { Labels = Description.Classes == 0 ? [] : [r.Condition.Label] }, steps, previews, cancellation);

    public void Dispose()
    {
        _session.Dispose();
        if (_owned) _sampler.Dispose();
    }
}
