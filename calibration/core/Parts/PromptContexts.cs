using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Specializer.Calibration;

/// <summary>Prompts as conditions by number, as labels are classes by number: what the network is given in place of each.</summary>
/// <param name="contexts">One for each distinct prompt, [token, channel].</param>
/// <param name="rows">Which of them each condition is; the last condition means "none" to guidance.</param>
internal sealed class PromptContexts(float[][] contexts, int[] rows)
{
    /// <summary>Conditions, "none" among them.</summary>
    public int Count => rows.Length;

    /// <summary>The condition that guidance leads away from.</summary>
    public int None => rows.Length - 1;

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
