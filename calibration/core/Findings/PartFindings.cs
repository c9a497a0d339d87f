namespace Specializer.Calibration;

/// <summary>How much of a part of a pipeline becomes integers.</summary>
/// <param name="Part">Its name.</param>
/// <param name="Integers">Convolutions with 8-bit weights and activations.</param>
/// <param name="Convolutions">Of how many.</param>
/// <param name="AllPsnrDb">PSNR of held-out pictures to FP32's with all of them, dB.</param>
/// <param name="ReachedPsnrDb">With those that are; infinite without any.</param>
/// <param name="LeastPsnrDb">What counts as no change.</param>
/// <param name="MultiplyAccumulates">Of one evaluation.</param>
/// <param name="BitOperationsSaved">FP32's bit operations over the part's.</param>
/// <param name="WeightBytes">Of its weights.</param>
public sealed record PartQuantized(string Part, int Integers, int Convolutions, double AllPsnrDb, double ReachedPsnrDb, double LeastPsnrDb,
    long MultiplyAccumulates, double BitOperationsSaved, long WeightBytes) : Finding
{
    /// <summary>Weights in floating point, of convolutions and tables, that are stored in FP16.</summary>
    public int Halves { get; init; }

    /// <summary>Those of <see cref="Halves"/> that were rounded to it; of the others it has all numbers.</summary>
    public int Rounded { get; init; }
}

/// <summary>Prompts of which the text encoder sees the beginning alone.</summary>
/// <param name="Prompts">The prompts.</param>
/// <param name="Tokens">As many tokens as it sees.</param>
public sealed record PromptsCut(IReadOnlyList<string> Prompts, int Tokens) : Finding;
