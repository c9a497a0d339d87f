using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Specializer.Calibration;

/// <summary>Prompts, contexts or labels as conditions by number: what the network is given in place of each.</summary>
/// <param name="inputs">What is given: names of the network's inputs, and the elements of each.</param>
/// <param name="contexts">One for each distinct condition: what its inputs hold, one after the other, each [token, channel].</param>
/// <param name="rows">Which of them each condition is.</param>
/// <param name="none">What guidance leads away from. Where labels or pictures are to stand beside, the last conditions.</param>
internal sealed class PromptContexts((string Name, int Elements)[] inputs, float[][] contexts, int[] rows, NoCondition none)
{
    /// <summary>Names of the inputs that conditions give.</summary>
    public IEnumerable<string> Inputs => inputs.Select(i => i.Name);

    /// <summary>Conditions, "none" among them.</summary>
    public int Count => rows.Length;

    /// <summary>What guidance leads away from.</summary>
    public NoCondition None => none;

    /// <summary>What is given of pictures beside; null for nothing.</summary>
    public MaskedPictures? Pictures { get; private init; }

    // Of each condition, for a network with a table of its own; empty for others.
    private int[] Labels { get; init; } = [];

    // Conditions before those that guidance leads away from.
    private int Drawn => none.First < 0 ? rows.Length : none.First;

    /// <summary>The same texts with pictures: as many conditions as there are of what there is more of, each text and each picture in turn, then as many without text.</summary>
    /// <param name="pictures">Null for none.</param>
    public PromptContexts With(MaskedPictures? pictures)
    {
        if (pictures is null) return this;
        int count = Math.Max(Drawn, pictures.Count);
        IEnumerable<int> all = Enumerable.Range(0, count), without = none.First < 0 ? [] : all;
        return new(
            [.. inputs, .. pictures.Inputs],
            [.. all.Select(i => (float[])[.. contexts[rows[i % Drawn]], .. pictures.Row(i)]), .. without.Select(i => (float[])[.. contexts[rows[none.Of(i % Drawn)]], .. pictures.Row(i)])],
            [.. Enumerable.Range(0, count + without.Count())], none.First < 0 ? none : new(count, count))
        { Pictures = pictures };
    }

    /// <summary>The same beside labels that the network looks up itself: as many conditions as there are of what there is more of, each in turn.</summary>
    /// <param name="classes">Rows of the network's table; 0 for none.</param>
    /// <param name="nullLabel">As below.</param>
    public PromptContexts With(int classes, int nullLabel)
    {
        if (classes == 0) return this;
        int[] labels = [.. Enumerable.Range(0, classes).Where(label => label != nullLabel || classes == 1)];
        return With([.. Enumerable.Range(0, Math.Max(Drawn, labels.Length)).Select(i => (i % Drawn, labels[i % labels.Length]))], nullLabel);
    }

    /// <summary>Pairs of these conditions and labels that the network looks up itself, then as many that guidance leads away from.</summary>
    /// <param name="pairs">Conditions, and labels.</param>
    /// <param name="nullLabel">Label of those that guidance leads away from; −1 where there is none: then each has its own.</param>
    public PromptContexts With(IReadOnlyList<(int Condition, int Label)> pairs, int nullLabel)
    {
        IReadOnlyList<(int Condition, int Label)> without = none.First < 0 ? [] : [.. pairs.Select(p => (none.Of(p.Condition), nullLabel < 0 ? p.Label : nullLabel))];
        return new(inputs, contexts, [.. pairs.Concat(without).Select(p => rows[p.Condition])], none.First < 0 ? none : new(pairs.Count, pairs.Count))
        {
            Pictures = Pictures, Labels = [.. pairs.Concat(without).Select(p => p.Label)],
        };
    }

    /// <summary>Labels of conditions, for a network that looks them up itself; none for others.</summary>
    /// <param name="conditions">Numbers of conditions.</param>
    public int[] LabelsOf(ReadOnlySpan<int> conditions)
    {
        if (Labels.Length == 0) return [];
        var all = new int[conditions.Length];
        for (int i = 0; i < all.Length; i++) all[i] = Labels[conditions[i]];
        return all;
    }

    /// <summary>Hash of all that conditions give to the network.</summary>
    public string Sha256
    {
        get
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            foreach (float[] context in contexts) hash.AppendData(MemoryMarshal.AsBytes(context.AsSpan()));
            hash.AppendData(MemoryMarshal.AsBytes<int>([.. rows, .. Labels, none.First, none.Count]));
            return Convert.ToHexStringLower(hash.GetHashAndReset());
        }
    }

    /// <summary>What an input is given for conditions, one after the other.</summary>
    /// <param name="input">One of <see cref="Inputs"/>.</param>
    /// <param name="conditions">Numbers of conditions.</param>
    public float[] Of(string input, ReadOnlySpan<int> conditions)
    {
        int index = Array.FindIndex(inputs, i => i.Name == input), first = inputs.Take(index).Sum(i => i.Elements), elements = inputs[index].Elements;
        var all = new float[conditions.Length * elements];
        for (int i = 0; i < conditions.Length; i++) contexts[rows[conditions[i]]].AsSpan(first, elements).CopyTo(all.AsSpan(i * elements));
        return all;
    }

    /// <summary>What each input is given for conditions, by name.</summary>
    /// <param name="conditions">Numbers of conditions.</param>
    public Dictionary<string, float[]> Of(int[] conditions) => Inputs.ToDictionary(input => input, input => Of(input, conditions), StringComparer.Ordinal);
}
