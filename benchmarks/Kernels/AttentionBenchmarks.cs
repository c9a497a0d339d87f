using BenchmarkDotNet.Attributes;
using Specializer.Calibration;

namespace Specializer.Benchmarks.Kernels;

/// <summary>Self-attention without its projections, on one thread.</summary>
public class AttentionBenchmarks
{
    private KernelBench _bench = null!;
    private DynamicAttention _shape;

    /// <summary>Tokens' rows and columns, heads, channels.</summary>
    public static IEnumerable<AttentionCase> Shapes => [new(16, 1, 256), new(4, 1, 256), new(7, 2, 64)];

    /// <summary>Which shape.</summary>
    [ParamsSource(nameof(Shapes))]
    public AttentionCase Shape { get; set; } = new(1, 1, 1);

    /// <summary>Places operands in memory.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _bench = new(KernelNetworks.Attention(Shape.Size, Shape.Heads, Shape.Channels), InterpretedStep.Float32);
        _shape = new(Shape.Size * Shape.Size, Shape.Heads, Shape.Channels / Shape.Heads);
    }

    /// <summary>One attention.</summary>
    [Benchmark]
    public void Attend() => _bench.Execution.Attend(_bench.Buffer("x"), _bench.Buffer("y"), _shape);

    /// <summary>Frees them.</summary>
    [GlobalCleanup]
    public void Cleanup() => _bench.Dispose();
}

/// <summary>An attention that real networks have.</summary>
public sealed record AttentionCase(int Size, int Heads, int Channels)
{
    /// <summary>Products of both matrix products.</summary>
    public double MultiplyAccumulates => 2.0 * Size * Size * Size * Size * Channels;

    /// <inheritdoc/>
    public override string ToString() => $"{Size}² tokens, {Heads} × {Channels / Heads}";
}
