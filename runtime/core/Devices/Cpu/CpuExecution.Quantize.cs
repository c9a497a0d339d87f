using Specializer.Kernels;

namespace Specializer;

internal sealed unsafe partial class CpuExecution
{
    public override void Quantize<TShape>(Activation x, Activation q, Quantization to, TShape shape = default)
    {
        Enter();
        CheckElementSize(shape.ElementSize);
        (int pixels, int channels) = PixelsOf(shape);
        Map from = Floats(x, (long)pixels * channels), quantized = Integers(q, pixels, channels, shape.ElementSize);
        var work = new QuantizeWork
        {
            Height = shape.Height, Width = shape.Width, Channels = channels, ElementSize = shape.ElementSize,
            X = from.Start, XStride = from.Stride, Q = quantized.Start, QStride = quantized.Stride, Quantizer = new(Checked(to)),
        };
        Run(Batch * shape.Height, ref work, Grain((long)shape.Width * channels, 0.15));
    }

    /// <summary>Where pixels go: into an FP32 map, or quantized into one of elements of that size. Takes the scratch memory.</summary>
    private PixelSink Sink(Activation y, long pixels, int channels, int elementSize, Quantization? to)
    {
        int block = PixelSink.BlockOf(channels);
        if (to is not { } quantization)
        {
            Map floats = Floats(y, pixels * channels);
            return new() { Y = floats.Start, Stride = floats.Stride, Channels = channels, Block = block };
        }

        CheckElementSize(elementSize);
        Map map = Integers(y, pixels, channels, elementSize);
        return new()
        {
            Y = map.Start, Stride = map.Stride, Channels = channels, Block = block, ElementSize = elementSize, Quantizer = new(Checked(quantization)),
            Scratch = (float*)_scratch.Reserve((long)block * channels * _pool.Threads * sizeof(float)),
        };
    }
}
