using Specializer.Manifest;

namespace Specializer.Text;

/// <summary>A tokenizer folder that cannot be used. The message names file, place, cause and remedy.</summary>
public sealed class TokenizerException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="file">File, or folder, that is at fault.</param>
    /// <param name="problem">What is wrong and how to fix it.</param>
    /// <param name="inner">Cause.</param>
    public TokenizerException(string file, string problem, Exception? inner = null) : base($"{MessageText.Harmless(file)}: {MessageText.Harmless(problem)}", inner) => File = file;

    /// <summary>File, or folder, that is at fault.</summary>
    public string File { get; }
}
