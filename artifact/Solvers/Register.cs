using System.Globalization;

namespace Specializer.Manifest;

/// <summary>What a register of a <see cref="SolverProgram"/> holds: as many FP32 numbers as one picture has elements. The order is that of the terms of a sum.</summary>
internal enum RegisterKind
{
    /// <summary>m, the network's prediction, guided and mean-corrected. Holds within its evaluation.</summary>
    Prediction,
    /// <summary>v, what the network says of the variance. Holds within its evaluation.</summary>
    Variance,
    /// <summary>h₀…, predictions of former evaluations. Kept.</summary>
    History,
    /// <summary>s₀…, states of former evaluations. Kept.</summary>
    Saved,
    /// <summary>k, the picture to keep outside the mask. A map of the call.</summary>
    Known,
    /// <summary>w, the mask, 1 where the picture is drawn anew. A map of the call.</summary>
    Mask,
    /// <summary>x, the state. Kept.</summary>
    State,
    /// <summary>d, the predicted original between two statements. Holds within its evaluation.</summary>
    Original,
    /// <summary>z₀…, noise. Holds within its evaluation; last in every sum.</summary>
    Noise,
    /// <summary>What the network reads: the scaled state. Samplers write it; no program does.</summary>
    Input,
}

/// <summary>A register.</summary>
/// <param name="Kind">What it holds.</param>
/// <param name="Index">Which of its kind, from 0; 0 where there is but one.</param>
internal readonly record struct Register(RegisterKind Kind, int Index = 0)
{
    public static Register Prediction => new(RegisterKind.Prediction);

    public static Register Variance => new(RegisterKind.Variance);

    public static Register Known => new(RegisterKind.Known);

    public static Register Mask => new(RegisterKind.Mask);

    public static Register State => new(RegisterKind.State);

    public static Register Original => new(RegisterKind.Original);

    public static Register Noise => new(RegisterKind.Noise);

    public static Register Input => new(RegisterKind.Input);

    /// <summary>Whether there may be more than one of the kind.</summary>
    public bool IsNumbered => Kind is RegisterKind.History or RegisterKind.Saved or RegisterKind.Noise;

    /// <summary>Whether it keeps its value from one evaluation to the next.</summary>
    public bool IsKept => Kind is RegisterKind.History or RegisterKind.Saved or RegisterKind.State;

    /// <summary>Whether statements may only read it.</summary>
    public bool IsGiven => Kind is RegisterKind.Prediction or RegisterKind.Variance or RegisterKind.Known or RegisterKind.Mask or RegisterKind.Input;

    public static Register History(int index) => new(RegisterKind.History, index);

    public static Register Saved(int index) => new(RegisterKind.Saved, index);

    /// <summary>The register of a name; null when there is none of it.</summary>
    public static Register? Parse(string name)
    {
        int kind = name.Length == 0 ? -1 : Letters.IndexOf(name[0]);
        if (kind < 0 || kind == (int)RegisterKind.Input) return null;
        var register = new Register((RegisterKind)kind);
        if (!register.IsNumbered) return name.Length == 1 ? register : null;
        // One or two digits: there are fewer registers than that.
        bool isNumber = name.Length is 2 or 3 && name.Skip(1).All(c => c is >= '0' and <= '9') && (name.Length == 2 || name[1] != '0');
        return isNumber ? register with { Index = name.Skip(1).Aggregate(0, (number, digit) => 10 * number + digit - '0') } : null;
    }

    /// <summary>The name that manifests, documents and messages use: <c>x</c>, <c>h1</c>.</summary>
    public override string ToString() => Letters.Substring((int)Kind, 1) + (IsNumbered ? Index.ToString(CultureInfo.InvariantCulture) : "");

    private const string Letters = "mvhskwxdzi";
}
