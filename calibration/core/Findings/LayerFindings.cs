namespace Specializer.Calibration;

/// <summary>A layer's harm when it alone has 4-bit weights and activations.</summary>
/// <param name="Layer">Name of the convolution.</param>
/// <param name="Error">Mean squared error of the prediction against FP32.</param>
/// <param name="MultiplyAccumulates">Of one evaluation: 8 bits instead of 4 cost in proportion to them.</param>
public readonly record struct LayerHarm(string Layer, double Error, long MultiplyAccumulates)
{
    /// <summary>Harm for what it would cost to avoid.</summary>
    public double PerOperation => Error / MultiplyAccumulates;
}

/// <summary>The layers that harm one prediction most for their bit operations.</summary>
/// <param name="Worst">The most harmful first.</param>
public sealed record LayersRanked(IReadOnlyList<LayerHarm> Worst) : Finding;

/// <summary>So many layers at 8 bits, without corrections.</summary>
/// <param name="Layers">How many, the most harmful ones.</param>
/// <param name="FourBitSteps">Steps with 4-bit activations that pay for them.</param>
/// <param name="ErrorDb">Mean over images of the squared error to FP32, dB.</param>
public readonly record struct LayersTried(int Layers, int FourBitSteps, double ErrorDb);

/// <summary>How many layers were tried at 8 bits, each number at no more bit operations than without any; the one of least error goes on.</summary>
/// <param name="Tried">The numbers, the largest first.</param>
/// <param name="Images">Held-out images, which confirm nothing afterwards.</param>
public sealed record LayerCountsTried(IReadOnlyList<LayersTried> Tried, int Images) : Finding;

/// <summary>No layer can be kept at 8 bits: with 4-bit activations at every step it would still take more bit operations than allowed.</summary>
public sealed record NoLayerAffordable : Finding;

/// <summary>Some layers at 8 bits beside none, at no more bit operations, each with the corrections of its own calibration.</summary>
/// <param name="Layers">Names of the layers.</param>
/// <param name="FourBitSteps">Steps with 4-bit activations that pay for them.</param>
/// <param name="FourBitStepsWithout">Such steps without them.</param>
/// <param name="BitOperationsSaved">FP32's bit operations over those with them.</param>
/// <param name="BitOperationsSavedWithout">And without.</param>
/// <param name="ErrorChangeDb">Mean over images of what they change of the squared error to FP32, dB.</param>
/// <param name="Images">Held-out images that chose neither's corrections.</param>
/// <param name="Kept">Whether they lower the error beyond the interval.</param>
public sealed record LayersDecided(IReadOnlyList<string> Layers, int FourBitSteps, int FourBitStepsWithout, double BitOperationsSaved, double BitOperationsSavedWithout,
    Interval ErrorChangeDb, int Images, bool Kept) : Finding;

/// <summary>The convolutions that read the state in floating point, beside 8 bits.</summary>
/// <param name="Convolutions">Their names.</param>
/// <param name="BitOperationsSaved">FP32's bit operations over those with floating point there.</param>
/// <param name="BitOperationsSavedWithout">And with 8 bits.</param>
/// <param name="ErrorChangeDb">Mean over images, and over schedulers that share the weights, of what floating point changes of the squared error to FP32, dB, without corrections.</param>
/// <param name="Images">Held-out images.</param>
/// <param name="Kept">Whether it lowers the error beyond the interval.</param>
public sealed record FirstConvolutionDecided(IReadOnlyList<string> Convolutions, double BitOperationsSaved, double BitOperationsSavedWithout, Interval ErrorChangeDb, int Images, bool Kept) : Finding;

/// <summary>Ranges of the activations that clip less, beside those of least squared error.</summary>
/// <param name="ErrorChangeDb">Mean over images, and over schedulers that share the weights, of what they change of the squared error to FP32, dB, without corrections.</param>
/// <param name="Images">Held-out images.</param>
/// <param name="Kept">Whether they lower the error beyond the interval.</param>
public sealed record ClippingDecided(Interval ErrorChangeDb, int Images, bool Kept) : Finding;

/// <summary>Long layers, the second moments of whose inputs are made of fewer columns than those of others, for each column costs the square of its length.</summary>
/// <param name="Layers">How many.</param>
/// <param name="AllLayers">Of how many that are rounded.</param>
/// <param name="Fewest">Columns of the longest, at most.</param>
public sealed record ColumnsLimited(int Layers, int AllLayers, int Fewest) : Finding;

/// <summary>Layers rounded in sequence, beside each rounded by itself.</summary>
/// <param name="ErrorChangeDb">Mean over images of what that changes of the squared error to FP32, dB, without corrections.</param>
/// <param name="Images">Held-out images.</param>
/// <param name="Kept">Whether it lowers the error beyond the interval.</param>
public sealed record RoundingDecided(Interval ErrorChangeDb, int Images, bool Kept) : Finding;

/// <summary>An operation that stays in floating point: its inputs or weights have channels so much larger than the others that 8 bits would lose these.</summary>
/// <param name="Operation">Name of the convolution, or of the attention whose products these are.</param>
/// <param name="SnrDb">Signal to noise that 8 bits would leave of its results, dB.</param>
public sealed record KeptInFloatingPoint(string Operation, double SnrDb) : Finding;

/// <summary>Convolutions all of whose weights are zero.</summary>
/// <param name="Layers">Their names.</param>
public sealed record LayersOfZeros(IReadOnlyList<string> Layers) : Finding;

/// <summary>Channels of a quantized map that never change on the first trajectories.</summary>
/// <param name="Map">Its name.</param>
/// <param name="Channels">How many.</param>
/// <param name="AllChannels">Of how many.</param>
public sealed record ConstantChannels(string Map, int Channels, int AllChannels) : Finding;
