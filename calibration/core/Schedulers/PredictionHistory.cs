using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>The predictions of the last evaluations, in as many registers, the oldest overwritten.</summary>
/// <param name="program">Where they are written.</param>
/// <param name="capacity">How many are kept.</param>
internal sealed class PredictionHistory(ProgramBuilder program, int capacity)
{
    private int _count;

    /// <summary>The prediction kept last, or one <paramref name="back"/> before it.</summary>
    public Register this[int back] => Register.History((_count - 1 - back) % capacity);

    /// <summary>Keeps a prediction.</summary>
    public Register Keep(LinearForm prediction)
    {
        _count++;
        program.Set(this[0], prediction);
        return this[0];
    }
}
