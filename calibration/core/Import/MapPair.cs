using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>A map, or the two maps of a channel concatenation that is never made.</summary>
internal readonly record struct MapPair(Map First, Map? Skip = null)
{
    public int Channels => First.Channels + (Skip?.Channels ?? 0);
}
