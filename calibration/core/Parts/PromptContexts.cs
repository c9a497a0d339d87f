using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Specializer.Calibration;

/// <summary>Prompts, or labels, as conditions by number: what the network is given in place of each.</summary>
/// <param name="inputs">What is given: names of the network's inputs, and the elements of each.</param>
/// <param name="contexts">One for each distinct condition: what its inputs hold, one after the other, each [token, channel].</param>
/// <param name="rows">Which of them each condition is.</param>
/// <param name="none">What guidance leads away from.</param>
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

    /// <summary>The same texts with pictures: as many conditions as there are of what there is more of, each text and each picture in turn, then as many without text.</summary>
    /// <param name="pictures">Null for none.</param>
    public PromptContexts With(MaskedPictures? pictures)
    {
        if (pictures is null) return this;
        int texts = rows.Length - 1, count = Math.Max(texts, pictures.Count);
        IEnumerable<int> all = Enumerable.Range(0, count);
        return new(
            [.. inputs, .. pictures.Inputs],
            [.. all.Select(i => (float[])[.. contexts[rows[i % texts]], .. pictures.Row(i)]), .. all.Select(i => (float[])[.. contexts[rows[none.First]], .. pictures.Row(i)])],
            [.. Enumerable.Range(0, 2 * count)], new(count, count))
        { Pictures = pictures };
    }

    /// <summary>Hash of all that conditions give to the network.</summary>
    public string Sha256
    {
        get
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            foreach (int row in rows) hash.AppendData(MemoryMarshal.AsBytes(contexts[row].AsSpan()));
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
