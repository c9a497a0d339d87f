namespace Specializer.Calibration.Export;

/// <summary>How the ranges of a model in int8 are found: pictures are drawn in FP32, four, or one for each prompt, in twenty DDIM steps, and the smallest and largest value of each activation is kept.</summary>
/// <param name="Device">Where they are drawn; stays the caller's.</param>
public sealed record OnnxInt8Options(Device Device)
{
    /// <summary>What the pictures show, for a model with a text encoder: of the kind that will be asked for.</summary>
    public IReadOnlyList<string> Prompts { get; init; } = [];

    /// <summary>Scale of classifier-free guidance that the pictures are drawn with; 1 for none. With another the ranges also hold what the network makes of no text, or of the label that means "none".</summary>
    public float Guidance { get; init; } = 1;

    /// <summary>Told before pictures are drawn, or a part evaluated, what that holds in memory at most, in bytes.</summary>
    internal Action<long>? MemoryPredicted { get; init; }
}
