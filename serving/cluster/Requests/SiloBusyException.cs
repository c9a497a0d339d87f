using Specializer.Manifest;

namespace Specializer.Cluster;

/// <summary>A silo takes no request now, or no silo does. A server answers 429 or 503; others ask again later.</summary>
[GenerateSerializer]
public sealed class SiloBusyException : InvalidOperationException
{
    /// <summary>Creates the exception.</summary>
    public SiloBusyException() : this("No silo takes a request now.")
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">Who is busy, and with what.</param>
    public SiloBusyException(string message) : base(MessageText.Harmless(message))
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">Who is busy, and with what.</param>
    /// <param name="innerException">Cause.</param>
    public SiloBusyException(string message, Exception? innerException) : base(MessageText.Harmless(message), innerException)
    {
    }
}
