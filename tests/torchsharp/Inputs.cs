namespace Specializer.TorchSharp.Tests;

/// <summary>Random numbers for tests.</summary>
internal static class Inputs
{
    /// <summary>Normally distributed, by Box and Muller.</summary>
    public static float[] Normal(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];
    }
}
