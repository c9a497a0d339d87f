using System.Text;
using System.Text.Json;

namespace Specializer.Text;

/// <summary><c>vocab.json</c> and <c>merges.txt</c>, checked: every byte has a token, and every merge's parts and result are tokens.</summary>
/// <param name="Ids">Token to id; ids are 0 to their number − 1.</param>
/// <param name="Merges">Pairs to merge, the most important first; a pair's tokens with a space between.</param>
internal sealed record Vocabulary(IReadOnlyDictionary<string, int> Ids, IReadOnlyList<string> Merges)
{
    /// <summary>Marks a token that ends a word.</summary>
    public const string EndOfWord = "</w>";

    /// <summary>Names of the files.</summary>
    public const string VocabularyFile = "vocab.json", MergesFile = "merges.txt";

    /// <summary>Reads a folder's vocabulary.</summary>
    /// <exception cref="TokenizerException">A file cannot be read, or is not a vocabulary of CLIP's kind.</exception>
    public static Vocabulary Read(string folder)
    {
        string vocabulary = Path.Combine(folder, VocabularyFile), merges = Path.Combine(folder, MergesFile);
        return Parse(vocabulary, TokenizerFile.ReadText(vocabulary), merges, TokenizerFile.ReadText(merges));
    }

    /// <summary>Reads two files' texts.</summary>
    /// <exception cref="TokenizerException">They are not a vocabulary of CLIP's kind.</exception>
    public static Vocabulary Parse(string vocabularyPath, string vocabulary, string mergesPath, string merges)
    {
        Dictionary<string, int> ids = ReadIds(vocabularyPath, vocabulary);
        return new(ids, ReadMerges(mergesPath, merges, ids));
    }

    private static Dictionary<string, int> ReadIds(string path, string text)
    {
        JsonElement file = TokenizerFile.ParseObject(path, text);
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        var tokens = new string?[file.GetPropertyCount()];
        foreach (JsonProperty property in file.EnumerateObject())
        {
            if (property.Value.ValueKind != JsonValueKind.Number || !property.Value.TryGetInt32(out int id) || id < 0 || id >= tokens.Length)
                throw new TokenizerException(path, $"the id of '{property.Name}' is {Short(property.Value.GetRawText())}; the {tokens.Length} tokens must have the ids 0 to {tokens.Length - 1}.");
            if (tokens[id] is { } other) throw new TokenizerException(path, $"'{other}' and '{property.Name}' both have the id {id}.");
            tokens[id] = property.Name;
            if (!ids.TryAdd(property.Name, id)) throw new TokenizerException(path, $"'{property.Name}' stands there twice.");
        }

        foreach (char symbol in ByteSymbols())
        {
            string? missing = !ids.ContainsKey($"{symbol}") ? $"{symbol}" : !ids.ContainsKey(symbol + EndOfWord) ? symbol + EndOfWord : null;
            if (missing is not null) throw new TokenizerException(path, $"has no token '{missing}'. CLIP's vocabulary has one for each byte, and each with {EndOfWord}, so that any text can be written.");
        }

        return ids;
    }

    private static List<string> ReadMerges(string path, string text, Dictionary<string, int> ids)
    {
        var merges = new List<string>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        int number = 0;
        foreach (string line in text.Split('\n').Select(l => l.TrimEnd('\r')))
        {
            number++;
            if (line.Length == 0 || (number == 1 && line.StartsWith("#version", StringComparison.Ordinal))) continue;
            string[] pair = line.Split(' ');
            if (pair is not [{ Length: > 0 } left, { Length: > 0 } right])
                throw new TokenizerException(path, $"line {number} is '{Short(line)}'; a merge is two tokens with one space between.");
            if (new[] { left, right, left + right }.FirstOrDefault(t => !ids.ContainsKey(t)) is { } unknown)
                throw new TokenizerException(path, $"line {number} merges '{Short(line)}', but '{Short(unknown)}' is not in vocab.json. Both files must come from the same tokenizer.");
            if (!seen.Add(line)) throw new TokenizerException(path, $"line {number} repeats the merge '{Short(line)}'.");
            merges.Add(line);
        }

        return merges;
    }

    /// <summary>The characters that stand for the bytes 0 to 255: printable bytes of Latin-1 are themselves, the others follow from U+0100 on, in order.</summary>
    internal static string ByteSymbols()
    {
        var symbols = new StringBuilder(256);
        char next = '\u0100';
        for (int value = 0; value < 256; value++)
            symbols.Append(value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE ? (char)value : next++);
        return symbols.ToString();
    }

    private static string Short(string text) => text.Length <= 40 ? text : text[..40] + "…";
}
