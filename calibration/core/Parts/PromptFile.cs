using System.Text;
using Specializer.Formats;

namespace Specializer.Calibration;

/// <summary>Prompts to calibrate with, one in each line.</summary>
public static class PromptFile
{
    private const int MaximumBytes = 32 << 20;

    /// <summary>Reads a file of prompts.</summary>
    /// <param name="file">UTF-8. Blank lines, and spaces around a prompt, are left out; a prompt that stands there twice is drawn twice as often.</param>
    /// <exception cref="InvalidDataException">It holds no prompt, or is not UTF-8.</exception>
    /// <exception cref="IOException">It is missing, unreadable, or larger than 32 MiB.</exception>
    public static IReadOnlyList<string> Read(string file)
    {
        ArgumentException.ThrowIfNullOrEmpty(file);
        try
        {
            string text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(RegularFile.ReadAll(file, MaximumBytes)).TrimStart('\uFEFF');
            string[] prompts = [.. text.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0)];
            return prompts.Length > 0 ? prompts : throw new InvalidDataException($"{file}: holds no prompt. Write one in each line.");
        }
        catch (DecoderFallbackException e)
        {
            throw new InvalidDataException($"{file}: is not UTF-8 text. Save it as UTF-8, a prompt in each line.", e);
        }
    }
}
