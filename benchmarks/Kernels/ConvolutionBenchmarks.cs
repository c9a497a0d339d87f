using BenchmarkDotNet.Attributes;
using Specializer.Benchmarks.Measurement;
using Specializer.Calibration;
using Specializer.Kernels;

namespace Specializer.Benchmarks.Kernels;

/// <summary>Convolutions as a network runs them: tap table, products and epilogue, on one thread.</summary>
public class ConvolutionBenchmarks
{
    private KernelBench _bench = null!;
    private DynamicConvolution _shape;
    private Activation _input, _output;
    private ConvolutionWeights _weights;
    private Quantization _quantization;

    /// <summary>Shapes of ddpm-cifar10-32 and of the MNIST network.</summary>
    public static IEnumerable<ConvolutionCase> Shapes =>
    [
        new(32, 128, 128), new(32, 256, 128), new(16, 256, 256), new(8, 256, 256), new(4, 256, 256), new(32, 128, 128, Stride: 2), new(16, 256, 256, Upsample: 2),
        new(16, 256, 768, KernelSize: 1), new(32, 384, 128, KernelSize: 1), new(32, 128, 3), new(28, 32, 32), new(14, 64, 64), new(7, 64, 64),
    ];

    /// <summary>Weight and activation bits.</summary>
    public static string[] AllBits => ["FP32", "W8A8", "W4A8", "W4A4"];

    /// <summary>Which shape.</summary>
    [ParamsSource(nameof(Shapes))]
    public ConvolutionCase Shape { get; set; } = new(1, 1, 1);

    /// <summary>Weight and activation bits.</summary>
    [ParamsSource(nameof(AllBits))]
    public string Bits { get; set; } = "";

    /// <summary>Places operands in memory.</summary>
    [GlobalSetup]
    public void Setup()
    {
        int weightBits = WeightBits(Bits);
        _quantization = KernelNetworks.Range(Bits == "W4A4" ? 15 : 255);
        var network = KernelNetworks.Convolution(Shape, weightBits);
        _bench = new(network, weightBits == 32 ? InterpretedStep.Float32 : new() { Quantizations = [_quantization] });
        _shape = Dynamic(Shape, weightBits);
        _input = _bench.Buffer(weightBits == 32 ? "x" : "q");
        _output = _bench.Buffer("y");
        _weights = new(_bench.Interpreter.Layout[network.Operations[^1].Name]);
    }

    /// <summary>The form that the CPU chooses, and the products that it makes; fewer than the direct ones in Winograd's.</summary>
    internal static (string Form, ExecutedProducts Products) Form(ConvolutionCase shape, string bits)
    {
        int weightBits = WeightBits(bits);
        var g = ConvolutionGeometry.Of(Dynamic(shape, weightBits));
        ConvolutionForm form = ExecutedProducts.FormOf(g, 1, weightBits, 0);
        return (form switch { ConvolutionForm.Winograd4 => "F(4×4)", ConvolutionForm.Winograd2 => "F(2×2)", _ => "direct" }, ExecutedProducts.Of(g, 1, weightBits, form));
    }

    private static int WeightBits(string bits) => bits switch { "FP32" => 32, "W8A8" => 8, _ => 4 };

    private static DynamicConvolution Dynamic(ConvolutionCase s, int weightBits) => new(s.InputSize, s.InputSize, s.Inputs, s.OutputSize, s.OutputSize, s.Outputs,
        s.KernelSize, s.Stride, s.KernelSize / 2, s.KernelSize / 2, s.Upsample, weightBits, 1);

    /// <summary>One convolution.</summary>
    [Benchmark]
    public void Convolve()
    {
        if (_shape.WeightBits == 32) _bench.Execution.Convolve(_weights, _input, _output, shape: _shape);
        else _bench.Execution.Convolve(_weights, _input, _quantization, _output, shape: _shape);
    }

    /// <summary>Frees them.</summary>
    [GlobalCleanup]
    public void Cleanup() => _bench.Dispose();
}
