using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Runs that begin with a picture: at which evaluations of a program, and what they do first.</summary>
internal static class SolverStarts
{
    /// <summary>The program for runs that begin with noise alone.</summary>
    public static SolverProgram WithoutStarts(this SolverProgram program) => program with { Evaluations = program.Evaluations.Select(e => e with { Start = null }).ToEquatableArray() };

    /// <summary>A program with all starts that its solver has.</summary>
    /// <param name="whole">The whole run, with the level of each evaluation that begins a step.</param>
    /// <param name="from">The same run for one that begins at an evaluation.</param>
    public static SolverProgram Of(SolverProgram whole, Func<int, SolverProgram> from)
    {
        Evaluation[] evaluations = [.. whole.WithoutStarts().Evaluations], begun = [.. evaluations];
        for (int i = 0; i < evaluations.Length; i++)
        {
            if (whole.Evaluations[i].Start is not { } level) continue;
            Evaluation[] own = [.. from(i).WithoutStarts().Evaluations];
            int first = Enumerable.Range(i, own.Length - i).Where(e => !own[e].Equals(evaluations[e])).Select(e => e - i + 1).DefaultIfEmpty(0).Last();
            var start = level with { First = own.Skip(i).Take(first).Select(e => e.Statements).ToEquatableArray() };
            SolverProgram alone = whole with { Evaluations = evaluations.Select((e, k) => k == i ? e with { Start = start } : e).ToEquatableArray() };
            // Where more than the state comes from before, no run begins.
            if (SolverProgramValidator.FirstFault(alone) is null) begun[i] = evaluations[i] with { Start = start };
        }

        return whole with { Evaluations = new(begun) };
    }
}
