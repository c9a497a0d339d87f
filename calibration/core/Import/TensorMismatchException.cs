using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>A tensor that config.json and weights do not agree about.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Expected">Extents that the configuration asks for; null for a tensor that has no place in the network.</param>
/// <param name="Found">Extents in the file; null for one that is missing.</param>
public sealed record TensorMismatch(string Name, IReadOnlyList<int>? Expected, IReadOnlyList<long>? Found)
{
    /// <summary>Type of its elements in the file, where no weight can have it, such as <c>I64</c>; otherwise null.</summary>
    public string? Type { get; init; }
}

/// <summary>Tensors are missing from a file of weights, have other extents than the configuration asks for or elements that are no weights, or have no place in the network.</summary>
public sealed class TensorMismatchException : ModelImportException
{
    // Names may come from anyone: what is compared is bounded.
    private const string Configuration = "config.json";
    private const int Listed = 100, Compared = 1000, LongestName = 200;

    /// <summary>Creates the exception.</summary>
    /// <param name="file">File of weights.</param>
    /// <param name="mismatches">One or more.</param>
    /// <param name="against">What they do not fit.</param>
    public TensorMismatchException(string file, IReadOnlyList<TensorMismatch> mismatches, string against = Configuration) : base(file, mismatches[0].Name, null, Text(mismatches, MessageText.Harmless(against))) => Mismatches = mismatches;

    /// <summary>All of them: missing and mis-shaped ones in the network's order, then those without a place by name.</summary>
    public IReadOnlyList<TensorMismatch> Mismatches { get; }

    private static string Text(IReadOnlyList<TensorMismatch> all, string against)
    {
        string[] spare = [.. all.Where(m => m.Expected is null).Select(m => m.Name)], missing = [.. all.Where(m => m.Found is null).Select(m => m.Name)];
        string[] lines = [.. all.Take(Listed).Select(m => $"'{MessageText.Harmless(m.Name)}': {Say(m, spare, missing, against)}")];
        string what = all.Count == 1 ? lines[0] : $"{all.Count} tensors do not fit {against}:{string.Concat(lines.Select(l => $"{Environment.NewLine}  {l}"))}{(all.Count > Listed ? $"{Environment.NewLine}  …" : "")}{Environment.NewLine} ";
        return $"{what} {(against == Configuration ? "config.json and the weights do not belong together, or one of them is incomplete; download both again" : "The file is incomplete, or of another model; download it again")}.";
    }

    private static string Say(TensorMismatch m, string[] spare, string[] missing, string against) => (m.Expected, m.Found) switch
    {
        ({ } expected, null) => $"the tensor [{string.Join(", ", expected)}] is missing{Near(m.Name, spare, "; the file has")}.",
        (null, { } found) => $"the tensor [{string.Join(", ", found)}] has no place in the network{Near(m.Name, missing, "; it lacks")}.",
        var (expected, found) => $"the tensor has the shape [{string.Join(", ", found!)}]{(m.Type is null ? "" : $" and elements of the type {m.Type}")}; {against} asks for [{string.Join(", ", expected!)}]{(m.Type is null ? "" : " of F32, F16, BF16 or F64")}.",
    };

    // The most alike of those that the other side has too many of, where it is alike enough to be a slip.
    private static string Near(string name, string[] candidates, string lead)
    {
        int allowed = Math.Max(3, name.Length / 4);
        if (name.Length > LongestName) return "";
        var (distance, best) = candidates.Where(c => Math.Abs(c.Length - name.Length) <= allowed).Take(Compared).Select(c => (EditDistance(name, c), c)).DefaultIfEmpty((int.MaxValue, "")).Min();
        return distance <= allowed ? $"{lead} '{MessageText.Harmless(best)}'" : "";
    }

    /// <summary>Characters to insert, delete or replace (Levenshtein).</summary>
    private static int EditDistance(string a, string b)
    {
        var row = new int[b.Length + 1];
        for (int j = 0; j <= b.Length; j++) row[j] = j;
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int least = Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                (diagonal, row[j]) = (row[j], least);
            }
        }

        return row[b.Length];
    }
}
