using Specializer.Manifest;

namespace Specializer.Formats;

/// <summary>A file is not valid safetensors, or a tensor is not what the caller asked for.</summary>
public sealed class SafetensorsException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="file">The path as the user gave it.</param>
    /// <param name="tensor">The tensor concerned, or null.</param>
    /// <param name="cause">What is wrong.</param>
    /// <param name="inner">What found it, if anything.</param>
    public SafetensorsException(string file, string? tensor, string cause, Exception? inner = null)
        : base(tensor is null ? $"{MessageText.Harmless(file)}: {MessageText.Harmless(cause)}" : $"{MessageText.Harmless(file)}: tensor '{MessageText.Harmless(tensor)}': {MessageText.Harmless(cause)}", inner)
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
}
