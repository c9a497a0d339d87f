namespace Specializer;

/// <summary>A generated sampler met packed weights, a device or arguments that it was not specialized for.</summary>
public sealed class SamplerMismatchException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What does not fit, and how to fix it.</param>
    public SamplerMismatchException(string message) : base(message)
    {
    }
}
