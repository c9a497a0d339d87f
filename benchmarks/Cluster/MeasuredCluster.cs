using System.Globalization;

namespace Specializer.Benchmarks.Cluster;

/// <summary>A job that was measured on silos of this machine (docs/cluster.md), as the line that the measurement left.</summary>
internal sealed record MeasuredCluster(int Silos, int Pictures, int Units, double Wall, double Drawing, double RestOfUnits, double Exchange)
{
    private const string Resource = "cluster-measured.txt";

    /// <summary>Those that come with the program.</summary>
    public static IReadOnlyList<MeasuredCluster> Shipped()
    {
        using var reader = new StreamReader(typeof(MeasuredCluster).Assembly.GetManifestResourceStream(Resource)!);
        return Read(reader.ReadToEnd());
    }

    /// <summary>Reads a measurement's file.</summary>
    /// <exception cref="FormatException">A line lacks a number.</exception>
    public static IReadOnlyList<MeasuredCluster> Read(string text) => [.. text.Split('\n').Where(l => l.StartsWith("coordination ", StringComparison.Ordinal)).Select(Parse)];

    /// <summary>The same in the model's terms. What the silos themselves took is the measured mean; what remains to be told is how they share the job.</summary>
    public ClusterModel Model(double unit, double service) => new()
    {
        Silos = Silos, Pictures = Pictures, Picture = (Drawing + RestOfUnits) / Pictures, Exchange = Exchange, Service = Math.Min(service, Exchange), Unit = unit, Restart = 0,
    };

    private static MeasuredCluster Parse(string line)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(w => w.Split('=')).ToDictionary(w => w[0], w => w[1]);
        return new((int)Number("silos"), (int)Number("pictures"), (int)Number("units"), Number("wall_s"), Number("drawing_s"), Number("rest_of_units_s"), Number("exchange_mean_ms") / 1000);

        double Number(string name) => words.TryGetValue(name, out string? word) && double.TryParse(word, CultureInfo.InvariantCulture, out double number) ? number
            : throw new FormatException($"The line '{line}' has no number '{name}'.");
    }
}
