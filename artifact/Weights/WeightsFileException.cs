using Specializer.Manifest;

namespace Specializer.Packing;

/// <summary>The weights file is not the one that its manifest means. The message says what is wrong with it and how to fix that.</summary>
/// <param name="fault">What was found.</param>
/// <param name="message">For people; ends with the remedy.</param>
internal sealed class WeightsFileException(WeightsFault fault, string message) : Exception(MessageText.Harmless(message))
{
    public WeightsFault Fault => fault;
}

/// <summary>What can be wrong with a weights file.</summary>
internal enum WeightsFault
{
    /// <summary>It is missing, locked, or no file.</summary>
    Unreadable,

    /// <summary>It has another length than the manifest says.</summary>
    Length,

    /// <summary>It has another SHA-256 than the manifest says.</summary>
    Hash,

    /// <summary>It is not valid safetensors.</summary>
    Format,

    /// <summary>Its tensors are not those of the manifest's network.</summary>
    Tensors,
}
