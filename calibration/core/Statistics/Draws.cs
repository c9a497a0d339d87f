using Specializer.Numerics;

namespace Specializer.Calibration;

/// <summary>Random choices keyed by what they are for, never by the order of calls (Philox 4x32-10). A choice is therefore the same for any
/// batch size, thread count and resumption.</summary>
/// <param name="seed">Seed of the calibration.</param>
/// <param name="purpose">Separates independent uses of one seed.</param>
internal readonly struct Draws(ulong seed, DrawPurpose purpose)
{
    /// <summary>A uniform integer in [0, bound).</summary>
    public int Below(int bound, uint a, uint b = 0, uint c = 0) => (int)((ulong)Bits(a, b, c) * (uint)bound >> 32);

    /// <summary>32 random bits for the key (a, b, c).</summary>
    public uint Bits(uint a, uint b = 0, uint c = 0) => Philox.Words(a, b, c, (uint)purpose, seed).Item1;
}

/// <summary>What a draw is for.</summary>
internal enum DrawPurpose : uint
{
    /// <summary>Pixels whose input columns enter the Hessian.</summary>
    Columns = 0x51,
    /// <summary>Elements kept for kurtosis and the normality test.</summary>
    Residuals = 0x52,
    /// <summary>Trajectories of a bootstrap resample.</summary>
    Bootstrap = 0x53,
    /// <summary>Samples of an iteration of block reconstruction.</summary>
    Reconstruction = 0x54,
    /// <summary>How often a replicate of streaming moments counts a trajectory.</summary>
    Replicates = 0x55,
    /// <summary>Order of the classes within a stretch of trajectories.</summary>
    Labels = 0x56,
    /// <summary>Masks over the pictures of a calibration.</summary>
    Masks = 0x57,
}
