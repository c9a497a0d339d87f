using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace Specializer.CompilerServices;

/// <summary>Σ cᵢ·rᵢ over a solver's registers.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct SolverSum
{
    /// <summary>Terms that a sum can have.</summary>
    public const int MaximumTerms = 16;

    private readonly TermArray _terms;

    /// <summary>One more than <see cref="SigmaTerm"/>, so that a sum that is not set has none.</summary>
    private readonly int _sigma;

    internal SolverSum(float factor, SolverRegister register, bool isSigma = false)
    {
        _terms[0] = new(factor, register);
        Count = 1;
        _sigma = isSigma ? 1 : 0;
    }

    private SolverSum(in SolverSum sum, in SolverSum more)
    {
        if (sum.Count + more.Count > MaximumTerms) throw new InvalidOperationException($"A sum has at most {MaximumTerms} terms.");
        if (sum._sigma != 0 && more._sigma != 0) throw new InvalidOperationException("A sum injects noise once.");
        _sigma = sum._sigma != 0 ? sum._sigma : more._sigma != 0 ? sum.Count + more._sigma : 0;
        _terms = sum._terms;
        for (int i = 0; i < more.Count; i++) _terms[sum.Count + i] = more._terms[i];
        Count = sum.Count + more.Count;
    }

    internal int Count { get; }

    /// <summary>The term whose factor is a <see cref="StepSigma"/>, an image's own under guidance; −1 for none.</summary>
    internal int SigmaTerm => _sigma - 1;

    internal Term this[int index] => _terms[index];

    /// <summary>The terms of both, in this order.</summary>
    public static SolverSum operator +(SolverSum left, SolverSum right) => new(left, right);

    internal readonly record struct Term(float Factor, SolverRegister Register);

    [InlineArray(MaximumTerms)]
    private struct TermArray
    {
        private Term _first;
    }
}

/// <summary>One assignment of a solver: see the members of <see cref="SolverRegister"/>.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct SolverStatement
{
    internal SolverStatement(SolverStatementKind kind, SolverRegister target, in SolverSum sum, int draw = 0) => (Kind, Target, Sum, DrawIndex) = (kind, target, sum, draw);

    internal SolverStatementKind Kind { get; }

    internal SolverRegister Target { get; }

    /// <summary>The sum; or the bound as a factor of the target.</summary>
    internal SolverSum Sum { get; }

    internal int DrawIndex { get; }
}

internal enum SolverStatementKind
{
    Sum,
    Clip,
    Blend,
    ExponentialSigma,
    RootSigma,
    Draw,
}
