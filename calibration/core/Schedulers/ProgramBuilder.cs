using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Writes a <see cref="SolverProgram"/> statement by statement.</summary>
/// <param name="bounding">What happens to predicted originals.</param>
internal sealed class ProgramBuilder(Bounding bounding)
{
    private readonly List<Evaluation> _evaluations = [];
    private readonly List<Statement> _begin = [];
    private List<Statement>? _statements;
    private float _timestep;
    private double _inputScale;
    private SolverStart? _level;

    /// <summary>Index of the evaluation that is being written.</summary>
    public int Index => _evaluations.Count;

    private List<Statement> Statements => _statements ?? _begin;

    /// <summary>The first state: unit noise times <paramref name="sigma"/>.</summary>
    public void Begin(double sigma)
    {
        Draw(DrawStatement.Initial);
        Set(Register.State, new LinearForm(Register.Noise, sigma));
    }

    /// <summary>Starts an evaluation.</summary>
    /// <param name="timestep">What the network is told.</param>
    /// <param name="inputScale">Factor of the state that it reads.</param>
    /// <param name="level">What the state is a mixture of; null within a step, where no run can begin.</param>
    public void Evaluate(float timestep, double inputScale = 1, NoiseLevel? level = null)
    {
        Close();
        (_timestep, _inputScale, _statements) = (timestep, inputScale, []);
        _level = level is { } l ? new(l.Alpha, l.Sigma) : null;
    }

    public void Set(Register target, LinearForm form) => Set(target, [.. form.Terms]);

    /// <summary>A sum whose order is not the usual one.</summary>
    public void Set(Register target, params Term[] terms) =>
        Statements.Add(new LinearStatement(target, new([.. terms.Where(t => t.Coefficient != 0 || terms.Length == 1)])));

    /// <summary>Unit noise, of this evaluation unless another draw is named.</summary>
    public Register Draw(int? draw = null)
    {
        Statements.Add(new DrawStatement(Register.Noise, draw ?? Index));
        return Register.Noise;
    }

    /// <summary>z ← exp(slope·v + offset)·z.</summary>
    public void ScaleNoiseByExponential(double slope, double offset) => Statements.Add(new ExponentialSigmaStatement(Register.Noise, slope, offset));

    /// <summary>z ← √v·z.</summary>
    public void ScaleNoiseByRoot() => Statements.Add(new RootSigmaStatement(Register.Noise));

    /// <summary>The predicted original, bounded as the configuration says. Without a bound nothing is written: the formula itself stands for it.</summary>
    public LinearForm Bound(LinearForm original) => bounding.IsNone ? original : Bound([.. original.Terms.OrderByDescending(t => t.Register.Kind)]);

    /// <summary>The predicted original in a register in any case: d ← Σ, bounded.</summary>
    public LinearForm Bound(params Term[] original)
    {
        Set(Register.Original, original);
        if (bounding.Statement(Register.Original) is { } statement) Statements.Add(statement);
        return Register.Original;
    }

    /// <summary>The program, which nothing has checked yet.</summary>
    public SolverProgram Build()
    {
        Close();
        return new(new([.. _begin]), new([.. _evaluations]), default);
    }

    private void Close()
    {
        if (_statements is not null) _evaluations.Add(new(_timestep, _inputScale, new([.. _statements])) { Start = _level });
        _statements = null;
    }
}
