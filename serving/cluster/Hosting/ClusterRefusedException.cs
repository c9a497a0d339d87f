using Specializer.Manifest;

namespace Specializer.Cluster;

/// <summary>Silos answer, but let the client not in: its secret, its certificate or its cluster's name is another.</summary>
public sealed class ClusterRefusedException : IOException
{
    /// <summary>Creates the exception.</summary>
    public ClusterRefusedException() : this("The cluster does not let this client in.")
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What does not fit, and how to fix it.</param>
    public ClusterRefusedException(string message) : base(MessageText.Harmless(message))
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What does not fit, and how to fix it.</param>
    /// <param name="innerException">Why the last connection ended; null where it just did.</param>
    public ClusterRefusedException(string message, Exception? innerException) : base(MessageText.Harmless(message), innerException)
    {
    }
}
