using System.Text.Encodings.Web;
using System.Text.Json;

namespace Specializer.Calibration.Conversion;

/// <summary>A tokenizer of CLIP's kind and of any size, for a text encoder with random weights: letters and other bytes, alone and at a word's end, and pairs of them.</summary>
internal static class SyntheticTokenizer
{
    private const int Bytes = 256, Special = 2;
    private const string EndOfWord = "</w>", Begin = "<|startoftext|>", End = "<|endoftext|>";

    // Tokens are compared as they stand: '<' need not be escaped.
    private static readonly JsonSerializerOptions s_json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Files of the folder <c>tokenizer</c>; none for a vocabulary that is too small for all bytes, or larger than pairs make it.</summary>
    /// <param name="vocabulary">Tokens.</param>
    /// <param name="length">Of a context.</param>
    /// <param name="fillsWithEnd">Whether texts are filled up with their end token; else with "!".</param>
    public static IEnumerable<(string Name, string Text)> Files(int vocabulary, int length, bool fillsWithEnd = true)
    {
        int pairs = vocabulary - 2 * Bytes - Special;
        if (pairs is < 0 or > Bytes * Bytes) yield break;
        string[] symbols = [.. Symbols()];
        (string First, string Second)[] merges = [.. Enumerable.Range(0, pairs).Select(i => (symbols[i / Bytes], symbols[i % Bytes] + EndOfWord))];
        string[] tokens = [.. symbols, .. symbols.Select(s => s + EndOfWord), .. merges.Select(m => m.First + m.Second), Begin, End];
        yield return ("vocab.json", JsonSerializer.Serialize(tokens.Select((token, id) => KeyValuePair.Create(token, id)).ToDictionary(StringComparer.Ordinal), s_json));
        yield return ("merges.txt", "#version: 0.2\n" + string.Concat(merges.Select(m => $"{m.First} {m.Second}\n")));
        yield return ("tokenizer_config.json", $$"""
            {"tokenizer_class": "CLIPTokenizer", "model_max_length": {{length}}, "bos_token": "{{Begin}}", "eos_token": "{{End}}", "unk_token": "{{End}}", "pad_token": "{{(fillsWithEnd ? End : "!")}}"}

            """);
    }

    // As CLIP writes bytes: printable ones of Latin-1 are themselves, the others follow from U+0100 on. Letters come first, so that pairs are of letters.
    private static IEnumerable<string> Symbols()
    {
        char next = '\u0100';
        char[] all = [.. Enumerable.Range(0, Bytes).Select(value => value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE ? (char)value : next++)];
        return all.OrderBy(c => char.IsAsciiLetterLower(c) ? 0 : 1).Select(c => c.ToString());
    }
}
