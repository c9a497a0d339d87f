using System.Text.Json;
using Specializer.Formats;

namespace Specializer.Text;

/// <summary>Reads the files of a tokenizer folder, which come from anywhere: nothing in them is taken on trust.</summary>
internal static class TokenizerFile
{
    /// <summary>CLIP's largest file has less than a megabyte; multilingual ones have ten.</summary>
    private const long MaximumBytes = 64L << 20;

    /// <summary>The file's text.</summary>
    /// <exception cref="TokenizerException">It is missing, is a folder, is too large or cannot be read.</exception>
    public static string ReadText(string path)
    {
        if (Directory.Exists(path)) throw new TokenizerException(path, "is a folder; a file of this name is needed.");
        try
        {
            using FileStream stream = RegularFile.Open(path);
            if (stream.Length > MaximumBytes) throw new TokenizerException(path, $"has {stream.Length} bytes; a tokenizer's file has at most {MaximumBytes}.");
            using var reader = new StreamReader(stream);
            return reader.ReadToEnd();
        }
        catch (FileNotFoundException e)
        {
            throw new TokenizerException(path, "does not exist. A CLIP tokenizer's folder holds vocab.json, merges.txt and tokenizer_config.json.", e);
        }
        catch (Exception e) when (e is UnauthorizedAccessException || (e is IOException and not TokenizerException))
        {
            throw new TokenizerException(path, $"cannot be read: {e.Message}", e);
        }
    }

    /// <summary>The file's JSON object.</summary>
    /// <exception cref="TokenizerException">It cannot be read, or is no JSON object.</exception>
    public static JsonElement ReadObject(string path) => ParseObject(path, ReadText(path));

    /// <summary>A text's JSON object.</summary>
    /// <exception cref="TokenizerException">It is no JSON object.</exception>
    public static JsonElement ParseObject(string path, string text)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text, new() { MaxDepth = 16 });
            JsonTexts.Check(document.RootElement);
            if (document.RootElement.ValueKind == JsonValueKind.Object) return document.RootElement.Clone();
        }
        catch (InvalidOperationException e)
        {
            throw new TokenizerException(path, "is not JSON: a string in it is not made of characters.", e);
        }
        catch (JsonException e)
        {
            throw new TokenizerException(path, $"is not JSON: {e.Message}", e);
        }

        throw new TokenizerException(path, "must hold a JSON object.");
    }
}
