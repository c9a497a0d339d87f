namespace Specializer;

/// <summary>A generated sampler met packed weights that are missing, damaged, or not those that it was compiled for.</summary>
public sealed class SamplerMismatchException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What does not fit, and how to fix it.</param>
    public SamplerMismatchException(string message) : base(message)
    {
    }
}
