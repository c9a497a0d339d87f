using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Specializer.Calibration.TorchSharp;

/// <summary>The step sizes of one quantized map, one for each row: x̂ = δ·clip(round(x/δ), −z, levels − z), zero points fixed.</summary>
/// <remarks>LSQ (Esser et al., ICLR 2020): rounding passes gradients through, so δ learns from inside and from outside the range. What is learned is log δ/δ₀:
/// steps of Adam are then relative to δ, which keeps it positive and makes the paper's gradient scale superfluous.</remarks>
internal sealed class LearnedSteps : IDisposable
{
    private readonly Quantization[] _start;
    private readonly Tensor _startScales, _least, _most;

    /// <param name="start">One for each row.</param>
    /// <param name="device">Where to learn.</param>
    public LearnedSteps(IEnumerable<Quantization> start, torch.Device device)
    {
        _start = [.. start];
        using DisposeScope scope = NewDisposeScope();
        _startScales = Column(q => q.Scale);
        _least = Column(q => -q.ZeroPoint);
        _most = Column(q => q.Levels - q.ZeroPoint);
        Logarithm = new Parameter(zeros_like(_startScales).DetachFromDisposeScope());

        Tensor Column(Func<Quantization, float> value) =>
            tensor([.. _start.Select(value)], [_start.Length, 1, 1, 1], device: device).DetachFromDisposeScope();
    }

    /// <summary>log δ/δ₀, [rows, 1, 1, 1].</summary>
    public Parameter Logarithm { get; }

    /// <summary>x̂ of a batch.</summary>
    /// <param name="x">[n, c, h, w].</param>
    /// <param name="rows">Row of each image.</param>
    /// <param name="stage">Which step sizes.</param>
    public Tensor Round(Tensor x, Tensor rows, Stage stage)
    {
        Tensor scale = _startScales.index_select(0, rows);
        if (stage != Stage.Start) scale *= Logarithm.index_select(0, rows).exp();
        Tensor steps = x * scale.reciprocal(); // The kernels multiply, too.
        if (stage == Stage.Learning) steps = steps.Plus((steps.round() - steps).detach());
        else steps = steps.round();
        return steps.clamp(_least.index_select(0, rows), _most.index_select(0, rows)) * scale;
    }

    /// <summary>One for each row.</summary>
    public Quantization[] Result(Stage stage)
    {
        if (stage == Stage.Start) return _start;
        using DisposeScope scope = NewDisposeScope();
        float[] scales = (_startScales * Logarithm.detach().exp()).cpu().data<float>().ToArray();
        return [.. _start.Select((q, row) => q with { Scale = scales[row] })];
    }

    public void Dispose()
    {
        foreach (Tensor tensor in (Tensor[])[Logarithm, _startScales, _least, _most]) tensor.Dispose();
    }
}
