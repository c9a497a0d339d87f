using BenchmarkDotNet.Attributes;
using Specializer.Calibration;

namespace Specializer.Benchmarks.Kernels;

/// <summary>Group norm with SiLU, and with quantization in the same pass, on one thread.</summary>
public class NormBenchmarks
{
    private KernelBench _bench = null!;
    private DynamicGroupNorm _shape;
    private int _bits;

    /// <summary>Rows and columns.</summary>
    [Params(32, 16, 8)]
    public int Size { get; set; }

    /// <summary>Channels.</summary>
    [Params(128, 256)]
    public int Channels { get; set; }

    /// <summary>Element that is written.</summary>
    [Params("FP32", "16 bits", "8 bits")]
    public string Output { get; set; } = "";

    /// <summary>Places operands in memory.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _bits = Output switch { "FP32" => 32, "16 bits" => 8, _ => 4 };
        _bench = new(KernelNetworks.GroupNorm(Size, Channels, _bits), _bits == 32 ? InterpretedStep.Float32 : new() { Quantizations = [KernelNetworks.Range(255)] });
        _shape = new(Size, Size, Channels, 0, Math.Min(32, Channels / 4), 1e-6f, Nonlinearity.Silu, _bits switch { 4 => 1, 8 => 2, _ => 4 });
    }

    /// <summary>One norm.</summary>
    [Benchmark]
    public void Normalize()
    {
        var weights = new NormWeights(_bench.Interpreter.Layout["norm"]);
        if (_bits == 32) _bench.Execution.Normalize(weights, _bench.Buffer("x"), _bench.Buffer("y"), shape: _shape);
        else _bench.Execution.NormalizeQuantize(weights, _bench.Buffer("x"), _bench.Buffer("y"), KernelNetworks.Range(255), shape: _shape);
    }

    /// <summary>Frees them.</summary>
    [GlobalCleanup]
    public void Cleanup() => _bench.Dispose();
}
