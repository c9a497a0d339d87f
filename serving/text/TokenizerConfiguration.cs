using System.Text.Json;

namespace Specializer.Text;

/// <summary>What <c>tokenizer_config.json</c> and <c>special_tokens_map.json</c> say; the second, which a folder may lack, wins.</summary>
/// <param name="Length">Tokens of a chunk with its first and last: the text encoder's positions.</param>
/// <param name="Begin">Token before a chunk.</param>
/// <param name="End">Token after a chunk.</param>
/// <param name="Padding">Token that fills a chunk.</param>
/// <param name="Unknown">Token for what the vocabulary lacks.</param>
internal sealed record TokenizerConfiguration(int Length, string Begin, string End, string Padding, string Unknown)
{
    // Of CLIP as published.
    private const int DefaultLength = 77;
    private const string DefaultBegin = "<|startoftext|>", DefaultEnd = "<|endoftext|>";
    // Far above any text encoder; what lies above is the "no limit" that some exporters write as 10³⁰.
    private const int MaximumLength = 8192;

    /// <summary>Reads a folder's configuration.</summary>
    /// <exception cref="TokenizerException">A file cannot be read, or says something impossible.</exception>
    public static TokenizerConfiguration Read(string folder)
    {
        string path = Path.Combine(folder, "tokenizer_config.json"), mapPath = Path.Combine(folder, "special_tokens_map.json");
        JsonElement configuration = TokenizerFile.ReadObject(path);
        JsonElement? map = File.Exists(mapPath) ? TokenizerFile.ReadObject(mapPath) : null;
        if (configuration.TryGetProperty("tokenizer_class", out JsonElement kind) && kind.ValueKind == JsonValueKind.String && kind.GetString() is not ("CLIPTokenizer" or "CLIPTokenizerFast"))
            throw new TokenizerException(path, $"is of a {kind.GetString()}; only CLIPTokenizer is known.");
        string end = Token("eos_token", DefaultEnd);
        return new(ReadLength(configuration, path), Token("bos_token", DefaultBegin), end, Token("pad_token", end), Token("unk_token", end));

        string Token(string name, string absent) =>
            (map is { } over ? Content(over, name, mapPath) : null) ?? Content(configuration, name, path) ?? absent;
    }

    private static int ReadLength(JsonElement configuration, string path)
    {
        if (!configuration.TryGetProperty("model_max_length", out JsonElement value)) return DefaultLength;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int length) && length is >= 3 and <= MaximumLength) return length;
        throw new TokenizerException(path, $"'model_max_length' is {value.GetRawText()}; it must be the text encoder's max_position_embeddings, {DefaultLength} for CLIP, between 3 and {MaximumLength}.");
    }

    /// <summary>A token is written as a string, or as an object with the string and flags.</summary>
    private static string? Content(JsonElement file, string name, string path)
    {
        if (!file.TryGetProperty(name, out JsonElement value) || value.ValueKind == JsonValueKind.Null) return null;
        JsonElement content = value.ValueKind == JsonValueKind.Object && value.TryGetProperty("content", out JsonElement inner) ? inner : value;
        return content.ValueKind == JsonValueKind.String && content.GetString() is { Length: > 0 } text
            ? text
            : throw new TokenizerException(path, $"'{name}' must be a token: a string that is not empty, or an object whose 'content' is one.");
    }
}
