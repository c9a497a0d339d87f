using Specializer.Manifest;

namespace Specializer;

/// <summary>A generated sampler met packed weights that are missing, damaged, or not those that it was compiled for.</summary>
public sealed class SamplerMismatchException : IOException
{
    /// <summary>Creates the exception.</summary>
    public SamplerMismatchException() : this("The packed weights are not those of this sampler.")
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What does not fit, and how to fix it.</param>
    public SamplerMismatchException(string message) : base(MessageText.Harmless(message))
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What does not fit, and how to fix it.</param>
    /// <param name="innerException">Cause.</param>
    public SamplerMismatchException(string message, Exception innerException) : base(MessageText.Harmless(message), innerException)
    {
    }
}
