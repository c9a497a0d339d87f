namespace Specializer.Cluster.Tests;

/// <summary>A measurement, which takes minutes and judges nothing: run where the environment variable <see cref="Variable"/> names a file, to which it appends what it found (docs/cluster.md).</summary>
internal sealed class MeasurementFactAttribute : FactAttribute
{
    public const string Variable = "SPECIALIZER_CLUSTER_MEASURE";

    public MeasurementFactAttribute() => Skip = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } ? PostgresServer.Missing : $"A measurement; {Variable} does not name a file for its results.";

    /// <summary>Appends a line to the results.</summary>
    public static void Report(FormattableString line) => File.AppendAllText(Environment.GetEnvironmentVariable(Variable)!, FormattableString.Invariant(line) + "\n");
}
