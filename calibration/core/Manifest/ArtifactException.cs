using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>A calibration artefact cannot be used. The message says which file, where in it, what is wrong and how to fix it.</summary>
public sealed class ArtifactException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="file">File that is at fault.</param>
    /// <param name="problem">What is wrong and how to fix it. It may quote the file: what could harm a terminal is escaped, line by line.</param>
    /// <param name="inner">Cause.</param>
    public ArtifactException(string file, string problem, Exception? inner = null) : base($"{MessageText.Harmless(file)}: {MessageText.HarmlessLines(problem)}", inner) => File = file;

    /// <summary>File that is at fault.</summary>
    public string File { get; }
}
