using System.Globalization;

namespace Specializer.Formats;

/// <summary>A file is not valid safetensors, or a tensor is not what the caller asked for.</summary>
public sealed class SafetensorsException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="file">The path as the user gave it.</param>
    /// <param name="tensor">The tensor concerned, or null.</param>
    /// <param name="cause">What is wrong.</param>
    /// <param name="inner">What found it, if anything.</param>
    public SafetensorsException(string file, string? tensor, string cause, Exception? inner = null)
        : base(tensor is null ? $"{file}: {Harmless(cause)}" : $"{file}: tensor '{Harmless(tensor)}': {Harmless(cause)}", inner)
    {
        File = file;
        Tensor = tensor;
        Cause = cause;
    }

    /// <summary>The path as the user gave it.</summary>
    public string File { get; }

    /// <summary>The tensor concerned, or null.</summary>
    public string? Tensor { get; }

    /// <summary>What is wrong, without file and tensor.</summary>
    public string Cause { get; }

    /// <summary>Names come from the file: none may steer a terminal, reorder a message or flood it.</summary>
    private static string Harmless(string text)
    {
        const int Shown = 400;
        string cut = text.Length > Shown ? text[..Shown] + "…" : text;
        return string.Concat(cut.Select(c =>
            char.GetUnicodeCategory(c) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
                ? $"\\u{(int)c:X4}" : c.ToString()));
    }
}
