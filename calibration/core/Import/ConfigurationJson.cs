using System.Text.Json;
using System.Text.Unicode;
using Specializer.Formats;

namespace Specializer.Calibration;

/// <summary>JSON as Python writes it: UTF-8, with or without byte order mark, in which numbers that are not finite stand as bare words.</summary>
internal static class ConfigurationJson
{
    /// <summary>The document as standard JSON. Numbers that are not finite have become strings: whoever needs a number refuses them, and nobody else minds.</summary>
    /// <exception cref="FormatException">It is no JSON; the message says where.</exception>
    public static JsonElement Parse(ReadOnlySpan<byte> bytes)
    {
        if (bytes.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF])) bytes = bytes[3..];
        if (!Utf8.IsValid(bytes)) throw new FormatException("is not UTF-8.");
        try
        {
            using JsonDocument document = JsonDocument.Parse(QuoteNonFinite(bytes));
            JsonTexts.Check(document.RootElement);
            return document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw new FormatException($"is not valid JSON: line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}.", e);
        }
        catch (InvalidOperationException e)
        {
            throw new FormatException("is not valid JSON: a string in it is not made of characters.", e);
        }
    }

    private static byte[] QuoteNonFinite(ReadOnlySpan<byte> json)
    {
        if (json.IndexOf("NaN"u8) < 0 && json.IndexOf("Infinity"u8) < 0) return json.ToArray();
        using var result = new MemoryStream(json.Length + 64);
        bool text = false;
        while (!json.IsEmpty)
        {
            int bare = text ? 0 : NonFinite(json), length = bare > 0 ? bare : text && json[0] == '\\' && json.Length > 1 ? 2 : 1;
            if (json[0] == '"') text = !text;
            if (bare > 0) result.WriteByte((byte)'"');
            result.Write(json[..length]);
            if (bare > 0) result.WriteByte((byte)'"');
            json = json[length..];
        }

        return result.ToArray();
    }

    /// <summary>Bytes of such a word at the beginning; 0 when there is none.</summary>
    private static int NonFinite(ReadOnlySpan<byte> json) =>
        json.StartsWith("NaN"u8) ? 3 : json.StartsWith("Infinity"u8) ? 8 : json.StartsWith("-Infinity"u8) ? 9 : 0;
}
