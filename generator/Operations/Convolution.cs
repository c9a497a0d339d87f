using Specializer.Generator.Model;
using Specializer.Manifest;

namespace Specializer.Generator.Parsing;

internal sealed partial class SamplerModelBuilder
{
    public Call Visit(ConvolutionOperation o)
    {
        Map input = _maps[o.Input], output = _maps[o.Output];
        string kernel = Literal.Int(o.KernelSize);
        string weights = Weights("ConvolutionWeights", o.Name,
            $"{kernel}×{kernel}, {Literal.Int(input.Channels)} to {Literal.Int(output.Channels)} channels, {Literal.Int(o.WeightBits)} bits");
        return new ConvolveCall(_shapes.Convolution(o, input, output), weights, _mapNames[o.Input], input.IsQuantized ? _slots[o.Input] : -1,
            _mapNames[o.Output], o.Vector, o.Residual is null ? null : _mapNames[o.Residual], o.Output == _network.Epsilon);
    }
}

internal sealed partial class ShapeTable
{
    public string Convolution(ConvolutionOperation o, Map input, Map output)
    {
        string kernel = Literal.Int(o.KernelSize);
        string name = (o.KernelSize == 1 ? "Pointwise" : o.KernelSize == 3 ? "Convolution" : $"Convolution{kernel}x{kernel}On")
            + $"{Size(input)}To{Literal.Int(output.Channels)}W{Literal.Int(o.WeightBits)}"
            + (o.Stride == 1 ? "" : "Stride" + Literal.Int(o.Stride)) + (o.Upsample == 1 ? "" : "Upsample" + Literal.Int(o.Upsample));
        bool scaled = o.OutputScale.Value != 1;
        if (scaled) name += "Scaled";
        string summary = $"{kernel}×{kernel} convolution, {Describe(input)} to {Size(output, '×')}, {Literal.Int(o.WeightBits)}-bit weights"
            + (o.Stride == 1 ? "" : $", stride {Literal.Int(o.Stride)}") + (o.Upsample == 1 ? "" : $", input upsampled {Literal.Int(o.Upsample)}×")
            + (scaled ? $", result times {o.OutputScale}" : "") + ".";
        return Add("IConvolutionShape", name, summary,
        [
            Int("InputHeight", input.Height), Int("InputWidth", input.Width), Int("InputChannels", input.Channels),
            Int("OutputHeight", output.Height), Int("OutputWidth", output.Width), Int("OutputChannels", output.Channels),
            Int("KernelSize", o.KernelSize), Int("Stride", o.Stride), Int("PaddingTop", o.PaddingTop), Int("PaddingLeft", o.PaddingLeft),
            Int("Upsample", o.Upsample), Int("WeightBits", o.WeightBits), new("float", "OutputScale", Literal.Float(o.OutputScale)),
        ]);
    }
}

/// <param name="Shape">Shape struct.</param>
/// <param name="Weights">Section of the packed weights.</param>
/// <param name="X">Map read.</param>
/// <param name="Slot">Its quantization; −1 for FP32.</param>
/// <param name="Y">Map written.</param>
/// <param name="Vector">First element of the step vectors, or −1.</param>
/// <param name="Residual">Map added, or null.</param>
/// <param name="IsOutput">Whether this is the convolution into which the mean correction folds.</param>
internal sealed record ConvolveCall(
    string Shape, string Weights, string X, int Slot, string Y, int Vector, string? Residual, bool IsOutput) : Call(Shape)
{
    public override string Print(Func<int, string> quantization, string? correction)
    {
        string from = Slot < 0 ? "" : quantization(Slot) + ", ";
        string options = (Vector < 0 ? "" : $", vector: {Literal.Int(Vector)}")
            + (Residual is null ? "" : $", residual: Maps.{Residual}")
            + (IsOutput && correction is not null ? $", correction: {correction}" : "");
        return $"run.Convolve<{Shape}>(Weights.{Weights}, Maps.{X}, {from}Maps.{Y}{options});";
    }
}
