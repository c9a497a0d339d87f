using System.ComponentModel;

namespace Specializer.CompilerServices;

/// <summary>What a solver's statements read and write: as many FP32 numbers as an image has elements, of every drawn image.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct SolverRegister
{
    /// <summary>A register in memory, which keeps its value from one pass to the next.</summary>
    /// <param name="buffer">Where it lies.</param>
    /// <param name="bothHalves">Whether the network reads it: under guidance what is written to the drawn images is written to the second half of the batch, too.</param>
    public SolverRegister(Activation buffer, bool bothHalves = false) => (Place, BothHalves) = (buffer.Offset, bothHalves);

    private SolverRegister(long place) => Place = place;

    /// <summary>Registers without memory that one pass can have.</summary>
    public const int Temporaries = 16;

    /// <summary>Offset in the arena; −1, −2, … for those without memory.</summary>
    internal long Place { get; }

    internal bool BothHalves { get; }

    internal bool HasMemory => Place >= 0;

    internal Activation Buffer => new(Place);

    /// <summary>A register that lasts no longer than the pass.</summary>
    /// <param name="index">Which, from 0; below <see cref="Temporaries"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is none of this index.</exception>
    public static SolverRegister Temporary(int index) => index is >= 0 and < Temporaries ? new(-1 - index)
        : throw new ArgumentOutOfRangeException(nameof(index), index, $"Temporary registers are 0 to {Temporaries - 1}.");

    /// <summary>A term of a sum.</summary>
    public static SolverSum operator *(float factor, SolverRegister register) => new(factor, register);

    /// <summary>r ← sum.</summary>
    /// <param name="sum">Its first term is a product, each further one a fused multiply-add onto it; r may stand among them.</param>
    public SolverStatement Set(SolverSum sum) => new(SolverStatementKind.Sum, this, sum);

    /// <summary>r ← min(max(r, −bound), bound).</summary>
    /// <param name="bound">Positive.</param>
    public SolverStatement Clip(float bound) => new(SolverStatementKind.Clip, this, bound * this);

    /// <summary>r ← known + mask·(r − known).</summary>
    /// <param name="known">What stays where the mask is 0.</param>
    /// <param name="mask">1 where r stays.</param>
    public SolverStatement Blend(SolverRegister known, SolverRegister mask) => new(SolverStatementKind.Blend, this, 1f * known + 1f * mask);

    /// <summary>r ← exp(slope·v + offset)·r.</summary>
    /// <param name="variance">v.</param>
    /// <param name="slope">Of the logarithm of the deviation.</param>
    /// <param name="offset">Its value at 0.</param>
    public SolverStatement ScaleByExponential(SolverRegister variance, float slope, float offset) => new(SolverStatementKind.ExponentialSigma, this, slope * variance + offset * this);

    /// <summary>r ← √max(exp(slope·v + offset)² − removed, 0)·r.</summary>
    /// <param name="variance">v.</param>
    /// <param name="slope">Of the logarithm of the deviation.</param>
    /// <param name="offset">Its value at 0.</param>
    /// <param name="removed">c; may be negative.</param>
    public SolverStatement ScaleByExponential(SolverRegister variance, float slope, float offset, StepSigma removed) =>
        new(SolverStatementKind.ExponentialSigma, this, slope * variance + offset * this + removed * this);

    /// <summary>r ← √v·r.</summary>
    /// <param name="variance">v, not negative.</param>
    public SolverStatement ScaleByRoot(SolverRegister variance) => new(SolverStatementKind.RootSigma, this, 1f * variance);

    /// <summary>r ← √max(v − removed, 0)·r.</summary>
    /// <param name="variance">v.</param>
    /// <param name="removed">c; may be negative.</param>
    public SolverStatement ScaleByRoot(SolverRegister variance, StepSigma removed) => new(SolverStatementKind.RootSigma, this, 1f * variance + removed * this);

    /// <summary>r ← unit noise: Philox 4x32-10, keyed by (seed, image, draw, element).</summary>
    /// <param name="draw">From 0, or −1 for the first state's. The same draw gives the same numbers again.</param>
    public SolverStatement Draw(int draw) => new(SolverStatementKind.Draw, this, default, draw);
}
