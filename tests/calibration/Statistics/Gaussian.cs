namespace Specializer.Calibration.Tests;

/// <summary>Normal numbers of a seed.</summary>
internal sealed class Gaussian(int seed)
{
    private readonly Random _random = new(seed);

    public double Next() => Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble());

    public float[] Values(int count, double scale = 1, double shift = 0)
    {
        var values = new float[count];
        for (int i = 0; i < count; i++) values[i] = (float)(shift + scale * Next());
        return values;
    }
}
