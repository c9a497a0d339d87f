using Specializer.Manifest;

namespace Specializer.Cluster;

/// <summary>No silo can run the sampler that was asked for.</summary>
[GenerateSerializer]
public sealed class SamplerUnavailableException : InvalidOperationException
{
    /// <summary>Creates the exception.</summary>
    public SamplerUnavailableException() : this("No silo can run the sampler.")
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What was asked for, what the silos have, and how to fix it.</param>
    public SamplerUnavailableException(string message) : base(MessageText.Harmless(message))
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What was asked for, what the silos have, and how to fix it.</param>
    /// <param name="innerException">Cause.</param>
    public SamplerUnavailableException(string message, Exception? innerException) : base(MessageText.Harmless(message), innerException)
    {
    }
}
