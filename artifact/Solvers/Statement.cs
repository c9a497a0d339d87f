namespace Specializer.Manifest;

/// <summary>One assignment of a <see cref="SolverProgram"/>, element by element unless it says otherwise.</summary>
internal abstract record Statement(Register Target)
{
    /// <summary>The registers that it reads.</summary>
    public virtual IEnumerable<Register> Reads => [Target];
}

/// <summary>A factor and what it multiplies.</summary>
/// <param name="Register">The register that is read.</param>
/// <param name="Coefficient">Rounded once, to FP32, where it is used.</param>
internal readonly record struct Term(Register Register, Number Coefficient);

/// <summary>r ← Σ cᵢ·rᵢ: the first term is a product, each further one a fused multiply-add onto it, in the order given.</summary>
/// <param name="Target">r; may stand among the terms.</param>
/// <param name="Terms">At least one; noise stands last.</param>
internal sealed record LinearStatement(Register Target, EquatableArray<Term> Terms) : Statement(Target)
{
    public override IEnumerable<Register> Reads => Terms.Select(t => t.Register);
}

/// <summary>r ← min(max(r, −c), c).</summary>
/// <param name="Target">r.</param>
/// <param name="Bound">c, positive.</param>
internal sealed record ClipStatement(Register Target, Number Bound) : Statement(Target);

/// <summary>Dynamic thresholding (Saharia et al. 2022): s ← the quantile of the picture's |r|, within [1, maximum]; r ← min(max(r, −s), s)/s.
/// Needs the whole picture before its first element is written.</summary>
/// <param name="Target">r.</param>
/// <param name="Quantile">In [0, 1]; interpolated linearly between neighbours in order.</param>
/// <param name="Maximum">Largest s; at least 1.</param>
internal sealed record ThresholdStatement(Register Target, Number Quantile, Number Maximum) : Statement(Target);

/// <summary>z ← √s·z: noise whose variance s the network says, element by element.</summary>
internal abstract record LearnedSigmaStatement(Register Target) : Statement(Target)
{
    /// <summary>c: where calibration has found one, samplers take √max(s − c, 0) for √s. No manifest states it with the program.</summary>
    public Number? Removed { get; init; }

    public override IEnumerable<Register> Reads => [Register.Variance, Target];
}

/// <summary>√s = exp(c₁·v + c₀): the network interpolates between two logarithms.</summary>
/// <param name="Target">z.</param>
/// <param name="Slope">c₁.</param>
/// <param name="Offset">c₀.</param>
internal sealed record ExponentialSigmaStatement(Register Target, Number Slope, Number Offset) : LearnedSigmaStatement(Target);

/// <summary>s = v: the network predicts the variance itself.</summary>
internal sealed record RootSigmaStatement(Register Target) : LearnedSigmaStatement(Target);

/// <summary>z ← unit noise of the run's seed, the picture and the draw. The same draw gives the same numbers again.</summary>
/// <param name="Target">z.</param>
/// <param name="Draw">From 0; <see cref="Initial"/> for the initial state.</param>
internal sealed record DrawStatement(Register Target, int Draw) : Statement(Target)
{
    /// <summary>The draw of the initial state.</summary>
    public const int Initial = -1;

    public override IEnumerable<Register> Reads => [];
}

/// <summary>x ← k + w·(x − k): outside the mask the picture that is kept.</summary>
internal sealed record BlendStatement(Register Target) : Statement(Target)
{
    public override IEnumerable<Register> Reads => [Register.Known, Register.Mask, Target];
}
