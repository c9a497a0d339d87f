using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>A calibration that is split cannot be merged yet.</summary>
public sealed class ShardMissingException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">Which shard has not left its part, and how to go on.</param>
    public ShardMissingException(string message) : base(MessageText.Harmless(message))
    {
    }

    /// <summary>Creates the exception.</summary>
    public ShardMissingException() : this("A shard has not left its part.")
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">Which shard has not left its part, and how to go on.</param>
    /// <param name="innerException">What was found instead.</param>
    public ShardMissingException(string message, Exception? innerException) : base(MessageText.Harmless(message), innerException)
    {
    }
}
