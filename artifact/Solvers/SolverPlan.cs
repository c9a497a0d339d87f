namespace Specializer.Manifest;

/// <summary>A program as samplers execute it: in passes, with memory for what must be kept.</summary>
internal sealed class SolverPlan : IEquatable<SolverPlan>
{
    private readonly SolverProgram _program;
    private readonly Register[] _temporaries;

    public SolverPlan(SolverProgram program)
    {
        _program = program;
        ScalesInput = program.ScalesInput;
        Planned = [.. program.StoredRegisters().Where(r => ScalesInput || r != Register.State), .. program.TakesPictures ? [Register.Known, Register.Mask] : (Register[])[]];
        _temporaries = [.. program.WrittenRegisters().Where(r => r != Register.State && !Planned.Contains(r))];
    }

    /// <summary>Registers that need memory of their own. The prediction lies in the network's output, and the state in its input where it is read as it is.</summary>
    public IReadOnlyList<Register> Planned { get; }

    /// <summary>Registers that last no longer than a pass.</summary>
    public IReadOnlyList<Register> Temporaries => _temporaries;

    /// <summary>Whether the network reads another map than the state's.</summary>
    public bool ScalesInput { get; }

    /// <summary>Whether runs can begin with a picture.</summary>
    public bool TakesPictures => _program.TakesPictures;

    /// <summary>What makes the first state.</summary>
    public IEnumerable<SolverRun> Begin => SolverRun.Of(_program.Begin);

    /// <summary>What becomes of the last state.</summary>
    public IEnumerable<SolverRun> End => SolverRun.Of(_program.End);

    /// <summary>What an evaluation begins with: the network's input, where it is another map than the state's.</summary>
    public IEnumerable<SolverRun> Before(Evaluation evaluation) =>
        ScalesInput ? SolverRun.Of([new LinearStatement(Register.Input, new([new(Register.State, evaluation.InputScale)]))]) : [];

    public bool Equals(SolverPlan? other) => other is not null && _program.Equals(other._program);

    public override bool Equals(object? obj) => Equals(obj as SolverPlan);

    public override int GetHashCode() => _program.GetHashCode();
}
