using Specializer.Calibration;
using Specializer.Manifest;

namespace Specializer.Reporting;

/// <summary>What an evaluation found: equal inputs give equal reports, times apart.</summary>
public sealed record EvaluationReport
{
    /// <summary>The model's name.</summary>
    public required string Model { get; init; }
    /// <summary>Family of the scheduler, such as <c>ddim</c>.</summary>
    public required string Scheduler { get; init; }
    /// <summary>η of DDIM, γ of TCD; null where the scheduler has none.</summary>
    public required double? Eta { get; init; }
    /// <summary>Guidance scale that all rows were drawn with.</summary>
    public required double Guidance { get; init; }
    /// <summary>Timestep of each evaluation.</summary>
    public required IReadOnlyList<float> Timesteps { get; init; }
    /// <summary>Images of each row: the same noise and labels in all rows.</summary>
    public required int Images { get; init; }
    /// <summary>Index of the first image.</summary>
    public required long FirstImage { get; init; }
    /// <summary>Seed of the images' noise; never that of the calibration.</summary>
    public required ulong Seed { get; init; }
    /// <summary>Trajectories that the rows before the artefact were calibrated on; 0 when there are none.</summary>
    public required int Trajectories { get; init; }
    /// <summary>Where the rows ran.</summary>
    public required string Device { get; init; }
    /// <summary>The corrections that the artefact ships with.</summary>
    public required ShippedCorrections Corrections { get; init; }
    /// <summary>How bit operations are counted.</summary>
    public required string CountingRule { get; init; }
    /// <summary>FP32 first, the artefact last.</summary>
    public required IReadOnlyList<ReportRow> Rows { get; init; }
    /// <summary>The artefact's recorded noise at every width, on the calibration's trajectories.</summary>
    public IReadOnlyList<WidthFigures> Statistics { get; init; } = [];
    /// <summary>The first images of FP32 and of the artefact; none of a model whose state is no picture.</summary>
    public IReadOnlyList<PicturePair> Pictures { get; init; } = [];
    /// <summary>The artefact's operations and what they cost.</summary>
    public IReadOnlyList<LayerInspection> Layers { get; init; } = [];
    /// <summary>Whether these images bear out what the calibration decided; empty without an ablation.</summary>
    public IReadOnlyList<DecisionCheck> Decisions { get; init; } = [];
    /// <summary>Figures that two samples of one source give; null without a classifier.</summary>
    public SamplingFloors? Floors { get; init; }
}

/// <summary>One sampler of the table.</summary>
public sealed record ReportRow
{
    /// <summary>Unique in the table.</summary>
    public required string Name { get; init; }
    /// <summary>Bits of weights and activations, e.g. <c>W4A8</c>; <c>MP</c> where the activations' bits change by step.</summary>
    public required string Bits { get; init; }
    /// <summary>Trajectories that it was calibrated on, of a row of the curve over them; null for other rows.</summary>
    public int? Trajectories { get; init; }
    /// <summary>SNR to FP32 over all images together, dB; null for FP32 itself, infinite where every image is equal.</summary>
    public Interval? SnrDb { get; init; }
    /// <summary>Median over images of the SNR to FP32, dB.</summary>
    public Interval? MedianSnrDb { get; init; }
    /// <summary>PSNR to FP32 over all images together, dB.</summary>
    public Interval? PsnrDb { get; init; }
    /// <summary>SNR of the state after each step to FP32's state, free-running, all images together, dB.</summary>
    public IReadOnlyList<double> DriftDb { get; init; } = [];
    /// <summary>FP32's bit operations over this row's.</summary>
    public required double BitOperationsSaved { get; init; }
    /// <summary>Bytes of the weights as they ship.</summary>
    public required long Bytes { get; init; }
    /// <summary>Median over batches of a batch's time, per image.</summary>
    public double? MsPerImage { get; init; }
    /// <summary>Median over batches of FP32's time over this row's time.</summary>
    public double? Speedup { get; init; }
    /// <summary>What a classifier says; null without one.</summary>
    public DigitFigures? Digits { get; init; }
    /// <summary>Whether what this row adds is worth it; null where nothing is added.</summary>
    public Verdict? Verdict { get; init; }
    /// <summary>What was calibrated, step by step; empty for FP32.</summary>
    public IReadOnlyList<StepFigures> Steps { get; init; } = [];
}

/// <summary>One calibrated step.</summary>
/// <param name="Bits">Activation bits that 4-bit weights meet.</param>
/// <param name="SnrDb">Signal to noise of one prediction, teacher-forced, dB.</param>
/// <param name="K">Correlation factor as fitted.</param>
/// <param name="RSquared">Share of the noise that k explains.</param>
/// <param name="Sigma">The sampler's own σ.</param>
/// <param name="CalibratedSigma">σ'.</param>
public readonly record struct StepFigures(int Bits, double SnrDb, double K, double RSquared, double Sigma, double CalibratedSigma)
{
    /// <summary>c, which is taken off the variance that the network says; 0 for none.</summary>
    public double RemovedVariance { get; init; }
}

/// <summary>Noise of one pair of widths at every step, without corrections; intervals are 95 %, bootstrap over trajectories.</summary>
/// <param name="Bits">E.g. <c>W4A8</c>.</param>
/// <param name="Trajectories">Of the teacher-forced figures.</param>
/// <param name="FreeRunningTrajectories">Of the free-running ones.</param>
/// <param name="SnrDb">One prediction, teacher-forced, dB.</param>
/// <param name="K">Correlation factor.</param>
/// <param name="RSquared">Share of the noise that k explains.</param>
/// <param name="ExcessKurtosis">Of the residual.</param>
/// <param name="Normality">p-value of the Jarque-Bera test.</param>
/// <param name="FreeRunningSnrDb">The state after each step, free-running, dB.</param>
public sealed record WidthFigures(
    string Bits, int Trajectories, int FreeRunningTrajectories, IReadOnlyList<Interval> SnrDb, IReadOnlyList<Interval> K, IReadOnlyList<double> RSquared,
    IReadOnlyList<double> ExcessKurtosis, IReadOnlyList<double> Normality, IReadOnlyList<Interval> FreeRunningSnrDb)
{
    /// <summary>What a manifest recorded.</summary>
    internal static WidthFigures Of(NoiseStatistics s)
    {
        return new(new BitWidths(s.WeightBits, s.ActivationBits).ToString(), s.Trajectories, s.FreeRunningTrajectories, Intervals(s.SnrDb), Intervals(s.K), Values(s.RSquared),
            Values(s.ExcessKurtosis), Values(s.Normality), Intervals(s.FreeRunningSnrDb));

        static double[] Values(EquatableArray<Number> numbers) => [.. numbers.Select(n => n.Value)];
        // JSON has no infinity: what is not known lies beyond what any figure reaches.
        static Interval[] Intervals(NoiseInterval i) => [.. i.Value.Select((v, step) => i.High[step].Value - i.Low[step].Value < WidthStatistics.Beyond
            ? new Interval(v.Value, i.Low[step].Value, i.High[step].Value) : Interval.Unknown(v.Value))];
    }
}

/// <summary>What a digit classifier says of a row's images.</summary>
/// <param name="LabelAccuracy">Share of images that show the digit they were asked for; null when the model takes no labels.</param>
/// <param name="Frechet">Fréchet distance to real digits.</param>
/// <param name="FrechetToFloat32">Fréchet distance to FP32 images of other seeds.</param>
public sealed record DigitFigures(double? LabelAccuracy, double Frechet, double FrechetToFloat32);

/// <summary>Figures of two independent samples of one source, as large as the rows: nothing below them can be told apart.</summary>
/// <param name="RealAccuracy">Share of real digits that the classifier reads as labelled.</param>
/// <param name="RealFrechet">Fréchet distance of real digits to other real digits.</param>
/// <param name="Float32Frechet">Fréchet distance of FP32 images to FP32 images of other seeds.</param>
public sealed record SamplingFloors(double RealAccuracy, double RealFrechet, double Float32Frechet);
