using Specializer.Manifest;

namespace Specializer.Tasks;

/// <summary>What the task reports; docs/diagnostics has a page on each.</summary>
internal static class DiagnosticId
{
    public const string ManifestUnreadable = "SPZ101";
    public const string UnusableItem = "SPZ102";
    public const string ListedTwice = "SPZ103";
    public const string WeightsUnreadable = "SPZ104";
    public const string WeightsLength = "SPZ105";
    public const string WeightsHash = "SPZ106";
    public const string WeightsFormat = "SPZ107";
    public const string WeightsTensors = "SPZ108";
    public const string WeightsContent = "SPZ109";
    public const string NotWritten = "SPZ110";
    // SPZ111 to SPZ114 and SPZ116 are reported by build/Specializer.Checks.targets.
    public const string UnknownMetadata = "SPZ115";
}

/// <summary>A mistake that stops one manifest from being packed.</summary>
/// <param name="id">One of <see cref="DiagnosticId"/>.</param>
/// <param name="message">What is wrong, and how to fix it.</param>
/// <param name="weightsProperty">Property of the manifest's <c>weights</c> at which to report it; null when the project's item is at fault.</param>
internal sealed class DiagnosticException(string id, string message, string? weightsProperty = null) : Exception(MessageText.Harmless(message))
{
    public string Id => id;

    public string? WeightsProperty => weightsProperty;
}
