namespace Specializer.Calibration.TorchSharp;

/// <summary>Which values a block computes with.</summary>
internal enum Stage
{
    /// <summary>Those that the reconstruction was given.</summary>
    Start,
    /// <summary>Those being learned: weights lie between two integers.</summary>
    Learning,
    /// <summary>What was learned: weights are integers.</summary>
    Learned,
}
