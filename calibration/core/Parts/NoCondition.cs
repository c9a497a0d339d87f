namespace Specializer.Calibration;

/// <summary>What guidance leads away from: one condition for all, or, where conditions also hold pictures, one for each, which has its picture and no text.</summary>
/// <param name="First">The first of them; −1 where there is none.</param>
/// <param name="Count">How many; they stand in the order of the conditions that they belong to.</param>
internal readonly record struct NoCondition(int First, int Count = 1)
{
    public static implicit operator NoCondition(int condition) => new(condition);

    /// <summary>That of a condition.</summary>
    public int Of(int condition) => First < 0 ? First : First + condition % Count;

    /// <summary>Those of conditions.</summary>
    public int[] Of(int[] conditions) => Array.ConvertAll(conditions, Of);

    /// <summary>Whether a condition is one of them.</summary>
    public bool Holds(int condition) => condition >= First && condition < First + Count;
}
