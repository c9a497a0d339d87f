namespace Specializer.Calibration;

/// <summary>A checkpoint that cannot be used, so that its phase started anew.</summary>
/// <param name="File">Its name.</param>
/// <param name="Reason">What is wrong with it.</param>
public sealed record CheckpointSetAside(string File, string Reason) : Finding
{
    internal const string OtherLayers = "it holds the moments of other layers: --memory was another";
}

/// <summary>A checkpoint that is no longer needed but cannot be deleted.</summary>
/// <param name="Path">Where it lies.</param>
/// <param name="Reason">What the system says.</param>
public sealed record CheckpointNotDeleted(string Path, string Reason) : Finding;
