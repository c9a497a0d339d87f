using Specializer.Manifest;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Specializer.Calibration.TorchSharp;

/// <summary>Weights that learn whether to round down or up: ŵ = s·clip(⌊w/s⌋ + h, ±L), h = clip(1.2·sigmoid(v) − 0.1, 0, 1).</summary>
/// <remarks>AdaRound (Nagel et al., ICML 2020, eq. 22 to 24). v starts where h is the fraction that rounding down loses, so learning starts at the FP32 weights.</remarks>
internal sealed class LearnedRounding : IDisposable
{
    private const double Stretch = 1.2, Shift = -0.1; // ζ − γ and γ of the paper

    private readonly QuantizedWeights _start;
    private readonly int _limit, _size;
    private readonly Tensor _weights, _floor, _scale, _bias, _startWeights, _startBias;

    /// <param name="operation">A convolution with integer weights.</param>
    /// <param name="weights">FP32, [O, K·K·I].</param>
    /// <param name="bias">FP32.</param>
    /// <param name="start">Its scales are kept.</param>
    /// <param name="device">Where to learn.</param>
    public LearnedRounding(ConvolutionOperation operation, float[] weights, float[] bias, QuantizedWeights start, torch.Device device)
    {
        (_start, _limit, _size) = (start, WeightScales.Limit(start.Bits), operation.KernelSize);
        int outputs = bias.Length;
        using var noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        _weights = tensor(weights, device: device).reshape(outputs, -1).DetachFromDisposeScope();
        _scale = tensor(start.Scales, device: device).reshape(outputs, 1).DetachFromDisposeScope();
        _bias = tensor(bias, device: device).DetachFromDisposeScope();
        _startBias = tensor(start.Bias, device: device).DetachFromDisposeScope();
        _startWeights = (tensor(Array.ConvertAll(start.Values, v => (float)v), device: device).reshape(outputs, -1) * _scale).DetachFromDisposeScope();
        Tensor exact = _weights / _scale;
        _floor = exact.floor().DetachFromDisposeScope();
        Choice = new Parameter((exact - _floor).Plus(-Shift).Times(1 / Stretch).logit().DetachFromDisposeScope());
    }

    /// <summary>v.</summary>
    public Parameter Choice { get; }

    /// <summary>Weights [O, I, K, K] and bias.</summary>
    public (Tensor Weight, Tensor Bias) At(Stage stage) => stage switch
    {
        Stage.Start => (TorchParameters.Kernel(_startWeights, _startWeights.shape[0], _size), _startBias),
        Stage.Learning => (Scaled(Fraction()), _bias),
        _ => (Scaled(Up()), _bias),
    };

    /// <summary>Σ 1 − |2h − 1|^β: zero where every weight has chosen.</summary>
    public Tensor Undecided(double beta) => Fraction().Times(2).Plus(-1).abs().Power(beta).Times(-1).Plus(1).sum();

    /// <summary>The integers as they stand.</summary>
    public QuantizedWeights Result(Stage stage)
    {
        if (stage == Stage.Start) return _start;
        using var noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor integers = Integers(Up());
        double loss = (_weights - integers * _scale).Squared().sum(float64).Number();
        sbyte[] values = Array.ConvertAll(integers.contiguous().cpu().data<float>().ToArray(), v => (sbyte)v);
        return _start with { Values = values, Bias = [.. _bias.cpu().data<float>()], Loss = loss };
    }

    public void Dispose()
    {
        foreach (Tensor tensor in (Tensor[])[Choice, _weights, _floor, _scale, _bias, _startWeights, _startBias]) tensor.Dispose();
    }

    private Tensor Fraction() => sigmoid(Choice).Times(Stretch).Plus(Shift).Clip(0, 1);

    private Tensor Up() => Choice.IsPositive();

    private Tensor Integers(Tensor fraction) => _floor.Plus(fraction).Clip(-_limit, _limit);

    private Tensor Scaled(Tensor fraction) => TorchParameters.Kernel(Integers(fraction) * _scale, _scale.shape[0], _size);
}
