using System.Globalization;
using System.Reflection;
using System.Text;
using Specializer.Calibration;

namespace Specializer.Benchmarks.Models;

/// <summary>Seeded random weights for a network whose tensors are listed in an embedded file, one <c>name [extents]</c> a line. Their size keeps
/// activations near 1, so that no processor meets denormal or infinite numbers that a trained network would not have.</summary>
internal static class SyntheticWeights
{
    public static SourceTensors Of(string resource, int seed)
    {
        var shapes = new Dictionary<string, long[]>(StringComparer.Ordinal);
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(resource)
            ?? throw new FileNotFoundException($"The list of tensors '{resource}' is not embedded.");
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('#')) continue;
            string[] parts = line.Split('\t');
            shapes[parts[0]] = [.. parts[1].Trim('[', ']').Split(", ").Select(extent => long.Parse(extent, CultureInfo.InvariantCulture))];
        }

        return new(resource, shapes, name => Values(name, shapes[name], seed));
    }

    private static float[] Values(string name, long[] shape, int seed)
    {
        long count = shape.Aggregate(1L, (product, extent) => product * extent);
        var values = new float[count];
        // Independent of the order in which tensors are read.
        var random = new Random(Encoding.UTF8.GetBytes(name).Aggregate(seed, (hash, b) => unchecked(hash * 31 + b)));
        bool gain = shape.Length == 1 && name.EndsWith(".weight", StringComparison.Ordinal);
        // Uniform over ±√(3 / fan-in): variance 1 / fan-in.
        double half = shape.Length == 1 ? 0.1 : Math.Sqrt(3.0 * shape[0] / count);
        for (long i = 0; i < count; i++) values[i] = (float)((gain ? 1 : 0) + half * (2 * random.NextDouble() - 1));
        return values;
    }
}
