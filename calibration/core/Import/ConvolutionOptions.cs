using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>What a convolution does besides multiplying: see <see cref="ConvolutionOperation"/>.</summary>
internal sealed record ConvolutionOptions
{
    public int KernelSize { get; init; } = 3;
    public int Stride { get; init; } = 1;
    /// <summary>Zero rows above and columns to the left.</summary>
    public int Padding { get => field < 0 ? KernelSize / 2 : field; init; } = -1;
    public int Upsample { get; init; } = 1;
    /// <summary>A map as large as what upsampling makes: at most a row and a column less than twice the input. Null for twice.</summary>
    public Map? UpsampledLike { get; init; }
    public Map? Residual { get; init; }
    public int Vector { get; init; } = -1;
    /// <summary>Whether the source has a bias.</summary>
    public bool Bias { get; init; } = true;
    public double OutputScale { get; init; } = 1;
    /// <summary>Name of the map written; null for the operation's.</summary>
    public string? Output { get; init; }
}
