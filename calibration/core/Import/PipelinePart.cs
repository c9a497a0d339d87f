namespace Specializer.Calibration;

/// <summary>What a pipeline holds beside the network that predicts noise.</summary>
public enum PipelinePart
{
    /// <summary>Latents to pictures.</summary>
    Decoder,
    /// <summary>Pictures to latents, or to their means and logarithms of variances.</summary>
    Encoder,
    /// <summary>Token numbers to hidden states.</summary>
    TextEncoder,
}
