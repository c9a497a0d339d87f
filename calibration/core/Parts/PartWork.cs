namespace Specializer.Calibration;

/// <summary>What choosing for a part of a pipeline takes at most, in evaluations of a unit's trajectories.</summary>
/// <param name="Convolutions">Of the part.</param>
/// <param name="Seeing">Collecting what it sees.</param>
/// <param name="Harm">Measuring one convolution's harm.</param>
/// <param name="Psnr">Judging it by pictures once.</param>
internal sealed record PartWork(int Convolutions, double Seeing, double Harm, double Psnr)
{
    /// <summary>Figures that are measured.</summary>
    public int Figures => Convolutions + Judgements;

    /// <summary>Measuring all of them.</summary>
    public double Choosing => Convolutions * Harm + Judgements * Psnr;

    // With all convolutions in integers, then without 1, 2, 4, … and all.
    private int Judgements => 2 + (int)Math.Ceiling(Math.Log2(Math.Max(1, Convolutions)));
}
