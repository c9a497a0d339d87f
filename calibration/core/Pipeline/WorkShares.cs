namespace Specializer.Calibration;

/// <summary>What phases cost beside each other, in evaluations of a unit's trajectories in FP32, one half each, as measured on the MNIST model: for the time left only.</summary>
internal static class WorkShares
{
    /// <summary>An evaluation in FP32 whose activations are looked at.</summary>
    public const double Observed = 5;

    /// <summary>A quantized evaluation and its statistics.</summary>
    public const double Measured = 0.9;

    /// <summary>A quantized evaluation in a run of a sampler.</summary>
    public const double Drawn = 0.6;

    /// <summary>Evaluations of a state: with its label, and with none where guidance is calibrated.</summary>
    public static int Halves(CalibrationOptions options) => options.Guided ? 2 : 1;

    /// <summary>Evaluations of a state on the way to an image: with none, too, where guidance is compiled in.</summary>
    public static int GuidedHalves(CalibrationOptions options) => options.Guidance == 1 ? 1 : 2;
}
