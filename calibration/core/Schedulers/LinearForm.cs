using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Σ cᵢ·rᵢ in FP64: formulas of solvers are added and scaled as they stand on paper, and registers that need not exist are substituted out.</summary>
internal sealed class LinearForm
{
    /// <summary>Of what is added: a smaller sum is rounding, not a term.</summary>
    private const double Rounding = 1e-15;

    private readonly SortedDictionary<Register, double> _terms;

    private LinearForm(SortedDictionary<Register, double> terms) => _terms = terms;

    public LinearForm(Register register, double coefficient = 1) : this(Empty()) => _terms.Add(register, coefficient);

    /// <summary>The terms whose coefficient is not 0, in the order of <see cref="RegisterKind"/>.</summary>
    public IEnumerable<Term> Terms => _terms.Where(t => t.Value != 0).Select(t => new Term(t.Key, t.Value));

    public static implicit operator LinearForm(Register register) => new(register);

    public static LinearForm operator +(LinearForm a, LinearForm b)
    {
        var sum = new SortedDictionary<Register, double>(a._terms, a._terms.Comparer);
        foreach (var (register, coefficient) in b._terms)
        {
            double other = sum.GetValueOrDefault(register), total = other + coefficient;
            sum[register] = Math.Abs(total) <= Rounding * (Math.Abs(other) + Math.Abs(coefficient)) ? 0 : total;
        }

        return new(sum);
    }

    public static LinearForm operator -(LinearForm a, LinearForm b) => a + -1 * b;

    public static LinearForm operator *(double factor, LinearForm form)
    {
        SortedDictionary<Register, double> scaled = Empty();
        foreach (var (register, coefficient) in form._terms) scaled.Add(register, factor * coefficient);
        return new(scaled);
    }

    public static LinearForm operator /(LinearForm form, double divisor) => 1 / divisor * form;

    private static SortedDictionary<Register, double> Empty() =>
        new(Comparer<Register>.Create((a, b) => a.Kind != b.Kind ? a.Kind.CompareTo(b.Kind) : a.Index.CompareTo(b.Index)));
}
