using Specializer.Kernels;

namespace Specializer;

internal sealed unsafe partial class CpuExecution
{
    public override void Quantize<TShape>(Activation x, Activation q, Quantization to, TShape shape = default)
    {
        Enter();
        CheckElementSize(shape.ElementSize);
        (long pixels, int channels) = PixelsOf(shape);
        Map from = Floats(x, pixels * channels), quantized = Integers(q, pixels, channels, shape.ElementSize);
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

    private static (long Pixels, int Channels) PixelsOf<TShape>(TShape shape)
        where TShape : struct, IMapShape
    {
        if (shape.Height < 1 || shape.Width < 1 || shape.Channels < 1)
            throw new ArgumentException($"A map of {shape.Height}×{shape.Width}×{shape.Channels} is not usable: its sizes must be positive.");
        return ((long)shape.Height * shape.Width, shape.Channels);
    }

    private static void CheckElementSize(int elementSize)
    {
        if (elementSize is not (1 or 2))
            throw new ArgumentException($"A quantized element has 1 byte, or 2 for convolutions with 8-bit weights; not {elementSize}.");
    }

    private static Quantization Checked(Quantization q)
    {
        if (!(q.Scale > 0f) || !float.IsFinite(q.Scale) || q.Levels is < 1 or > 255 || q.ZeroPoint < 0 || q.ZeroPoint > q.Levels)
            throw new ArgumentException($"{q} is no usable quantization: the scale must be positive and finite, the levels 1 to 255, the zero point within them.");
        return q;
    }
}
