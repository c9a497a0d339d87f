using System.Text;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>What a file is that is not what its name says, and the command that mends it.</summary>
internal static class ForeignContent
{
    private const int Looked = 512;

    /// <summary>A sentence about the file, or null when it is nothing known or cannot be read.</summary>
    public static string? DescribeFile(string path)
    {
        try
        {
            using FileStream stream = Formats.RegularFile.Open(path);
            var bytes = new byte[Math.Min(stream.Length, Looked)];
            stream.ReadExactly(bytes);
            return Describe(bytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>A sentence about a file with these bytes at its beginning, or null when it is nothing known.</summary>
    public static string? Describe(ReadOnlySpan<byte> content)
    {
        ReadOnlySpan<byte> bytes = content[..Math.Min(content.Length, Looked)];
        if (bytes.IsEmpty) return "is empty. Download it again: hf download OWNER/MODEL --local-dir FOLDER.";
        if (bytes.StartsWith("version https://git-lfs."u8)) return "is a Git LFS pointer, which stands for the file. Fetch it: git lfs pull, in the model's folder.";
        if (bytes.StartsWith("PK\x03\x04"u8) || bytes is [0x80, >= 2 and <= 5, ..])
            return $"is a pickle of PyTorch, which runs as a program when it is read. {SaveSafely}";
        if (bytes.StartsWith("GGUF"u8)) return "is a GGUF file of another program. Take the model's safetensors files instead.";
        if (bytes is [0x89, (byte)'H', (byte)'D', (byte)'F', ..]) return "is an HDF5 file of another library. Take the model's safetensors files instead.";
        if (bytes is [0x1F, 0x8B, ..]) return "is compressed by gzip. Unpack it: gunzip, after adding .gz to its name.";
        string start = Encoding.UTF8.GetString(bytes).TrimStart('\uFEFF', ' ', '\t', '\r', '\n');
        if (start.StartsWith('<')) return "is a web page, as servers send where a file is missing or needs a login. Download it again: hf download OWNER/MODEL --local-dir FOLDER, after hf auth login if the model asks for it.";
        // What a download without a login leaves: a sentence.
        return content.Length <= Looked && !start.StartsWith('{') && start.Length > 0 && start.All(c => !char.IsControl(c) || char.IsWhiteSpace(c))
            ? $"is a text, {MessageText.Quote(start)}. Download it again: hf download OWNER/MODEL --local-dir FOLDER."
            : null;
    }

    /// <summary>How a pickle becomes safetensors.</summary>
    public const string SaveSafely =
        "Save it as safetensors where you trust it: python -c \"from diffusers import UNet2DModel as M; M.from_pretrained('FOLDER', use_safetensors=False).save_pretrained('FOLDER')\".";
}
