using Specializer.Ilgpu.Kernels;

namespace Specializer.Ilgpu;

internal sealed partial class IlgpuExecution
{
    public override void Activate<TShape>(Activation x, Activation y, Nonlinearity function, TShape shape = default) =>
        Activate(x, y, null, function, gate: false, shape);

    public override void ActivateQuantize<TShape>(Activation x, Activation q, Quantization to, Nonlinearity function, TShape shape = default) =>
        Activate(x, q, to, function, gate: false, shape);

    public override void GateGelu<TShape>(Activation x, Activation y, TShape shape = default) => Activate(x, y, null, Nonlinearity.Gelu, gate: true, shape);

    public override void GateGeluQuantize<TShape>(Activation x, Activation q, Quantization to, TShape shape = default) => Activate(x, q, to, Nonlinearity.Gelu, gate: true, shape);

    private void Activate<TShape>(Activation x, Activation y, Quantization? to, Nonlinearity function, bool gate, TShape shape)
        where TShape : struct, IMapShape
    {
        Enter();
        (int size, int channels) = PixelsOf(shape);
        long pixels = size;
        BatchView<float> from = Floats(x, (gate ? 2 : 1) * pixels * channels, Access.Read);
        var a = new ActivationArguments { Shape = MapDimensions.Of(shape), Batch = Batch, Function = function, X = from };
        Into(y, pixels, channels, shape.ElementSize, to, from, out a.Y, out a.Q, out a.Quantizer);
        long items = Batch * pixels * (to is null ? channels : (channels + 3) / 4);
        if (to is null && gate) Launch<TShape, ActivationArguments>(ActivationKernels.GateLiteral<TShape>, ActivationKernels.GateDynamic, items, a);
        else if (to is null) Launch<TShape, ActivationArguments>(ActivationKernels.ActivateLiteral<TShape>, ActivationKernels.ActivateDynamic, items, a);
        else if (gate) Launch<TShape, ActivationArguments>(ActivationKernels.GateQuantizeLiteral<TShape>, ActivationKernels.GateQuantizeDynamic, items, a);
        else Launch<TShape, ActivationArguments>(ActivationKernels.ActivateQuantizeLiteral<TShape>, ActivationKernels.ActivateQuantizeDynamic, items, a);
    }

    /// <summary>Where an operation puts its result: into an FP32 map, or quantized into another. ILGPU takes no empty view, so the other one lies where the input does.</summary>
    private void Into(Activation y, long pixels, int channels, int elementSize, Quantization? to, BatchView<float> from,
        out BatchView<float> floats, out BatchView<int> integers, out AffineQuantizer quantizer)
    {
        if (to is not { } quantization)
        {
            floats = Floats(y, pixels * channels, Access.Write);
            integers = new() { Elements = from.Elements.Cast<int>(), Stride = from.Stride };
            quantizer = default;
            return;
        }

        CheckElementSize(elementSize);
        floats = from;
        integers = Integers(y, pixels, channels, Access.Write);
        quantizer = AffineQuantizer.Of(Checked(quantization));
    }
}
