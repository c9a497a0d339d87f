using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Specializer.Calibration;

/// <summary>Prompts, or labels, as conditions by number: what the network is given in place of each.</summary>
/// <param name="contexts">One for each distinct condition, [token, channel].</param>
/// <param name="rows">Which of them each condition is.</param>
/// <param name="none">The condition that guidance leads away from; −1 where there is none.</param>
internal sealed class PromptContexts(float[][] contexts, int[] rows, int none)
{
    /// <summary>Conditions, "none" among them.</summary>
    public int Count => rows.Length;

    /// <summary>The condition that guidance leads away from; −1 where there is none.</summary>
    public int None => none;

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

    /// <summary>Contexts of conditions, one after the other.</summary>
    public float[] Of(ReadOnlySpan<int> conditions)
    {
        int elements = contexts[0].Length;
        var all = new float[conditions.Length * elements];
        for (int i = 0; i < conditions.Length; i++) contexts[rows[conditions[i]]].CopyTo(all, i * elements);
        return all;
    }
}
