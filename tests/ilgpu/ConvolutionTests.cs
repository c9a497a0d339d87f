using Specializer.Kernels;
using Specializer.Kernels.Tests;

namespace Specializer.Ilgpu.Tests;

public class ConvolutionTests
{
    private static readonly ConvolutionShape[] Shapes =
    [
        ConvolutionShape.Of(7, 9, 1, 20, 8),
        ConvolutionShape.Of(8, 8, 3, 16, 8),
        ConvolutionShape.Of(7, 7, 32, 1, 8),
        ConvolutionShape.Of(9, 5, 20, 3, 4),
        ConvolutionShape.Of(6, 6, 16, 4, 4, outputScale: 0.7071f),
        ConvolutionShape.Of(8, 8, 12, 24, 4, stride: 2),
        ConvolutionShape.Of(8, 10, 8, 17, 4, stride: 2, before: 0),
        ConvolutionShape.Of(4, 5, 8, 32, 4, upsample: 2),
        ConvolutionShape.Of(3, 4, 6, 9, 8, upsample: 2),
        ConvolutionShape.Of(4, 5, 8, 32, 4, after: 0, upsample: 2),
        ConvolutionShape.Of(7, 7, 64, 48, 4, kernel: 1, before: 0, after: 0),
        ConvolutionShape.Of(5, 3, 37, 31, 8, kernel: 1, before: 0, after: 0, outputScale: 0.5f),
        ConvolutionShape.Of(6, 7, 5, 18, 4, kernel: 5, before: 2, after: 2),
        ConvolutionShape.Of(1, 1, 70, 70, 4),
        // What tensor cores take: channels in whole pieces of 16, more and fewer than a step, and a tile that is not full.
        ConvolutionShape.Of(5, 7, 16, 16, 8),
        ConvolutionShape.Of(5, 7, 48, 65, 4),
        ConvolutionShape.Of(4, 4, 80, 40, 8, stride: 2),
        ConvolutionShape.Of(3, 3, 144, 64, 4, upsample: 2),
        ConvolutionShape.Of(3, 4, 80, 40, 8, after: 0, upsample: 2),
        ConvolutionShape.Of(3, 4, 16, 120, 4, upsample: 2) with { OutputWidth = 7 },
        ConvolutionShape.Of(11, 13, 64, 64, 8, kernel: 1, before: 0, after: 0),
        ConvolutionShape.Of(11, 13, 64, 64, 4),
        // Wide tiles, full and not.
        ConvolutionShape.Of(5, 7, 48, 128, 8),
        ConvolutionShape.Of(6, 7, 80, 232, 4, outputScale: 0.5f),
        ConvolutionShape.Of(12, 13, 144, 120, 8, kernel: 1, before: 0, after: 0),
    ];

    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Integer_convolution_agrees(Accelerator kind)
    {
        foreach (ConvolutionShape s in Shapes)
            foreach (int levels in (int[])[15, 255])
                foreach (int batch in (int[])[1, 3])
                    Integer(kind, s, new Quantization(0.037f, levels / 3, levels), batch);
    }

    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Fp32_convolution_agrees(Accelerator kind) => Float(kind, 32);

    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Convolution_with_weights_in_fp16_agrees(Accelerator kind) => Float(kind, 16);

    private static void Float(Accelerator kind, int bits)
    {
        foreach (ConvolutionShape shape in Shapes)
        {
            ConvolutionShape s = shape with { WeightBits = bits };
            const int batch = 2;
            var random = new Random(2);
            int elements = s.OutputHeight * s.OutputWidth * s.OutputChannels;
            float[] weights = Values.Floats(random, s.OutputChannels * s.KernelSize * s.KernelSize * s.InputChannels), bias = Values.Floats(random, s.OutputChannels);
            if (bits == 16) weights = Array.ConvertAll(weights, w => (float)(Half)w);
            float[] vector = Values.Floats(random, s.OutputChannels + 5), offset = Values.Floats(random, s.OutputChannels);
            var blob = new TestBlob();
            ConvolutionWeights at = blob.Add(s, weights, bias);
            EmbeddingWeights table = blob.AddVectors(vector);
            using var pair = new Pair(kind, blob.Build(), batch, vector.Length);
            float[][] images = Values.Images(random, batch, s.InputHeight * s.InputWidth * s.InputChannels), residuals = Values.Images(random, batch, elements);
            Activation x = pair.Write(images), y = pair.Plan(4 * elements), residual = pair.Write(residuals);
            pair.Do(run => run.Convolve(at, x, y, shape: s));
            Compare(_ => new(OutputScale: s.OutputScale));
            pair.Do(run => run.Embed(table, pair.Vectors, 0, new EmbeddingShape(1, 0, 0, vector.Length)));
            pair.Do(run => run.Convolve(at, x, y, 5, residual, new Correction(1.25f, offset), s));
            Compare(n => new(vector[5..], residuals[n], s.OutputScale, 1.25f, offset));

            // The device has the bits of the direct form. Where the CPU's form is Winograd's, it is near them.
            void Compare(Func<int, Reference.Finish> finish)
            {
                var g = ConvolutionGeometry.Of(s);
                if (pair.Exact) Values.Same([.. images.SelectMany((image, n) => Reference.ConvolveDirectly(g, image, weights, bias, finish(n)))], pair.Read(1, y, elements));
                pair.Same(y, elements, pair.Exact && !FloatWinograd.Computes(g));
            }
        }
    }

    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Largest_sums_do_not_saturate(Accelerator kind)
    {
        foreach (int bits in (int[])[4, 8])
            foreach (int levels in (int[])[15, 255])
                foreach (int zero in (int[])[0, levels])
                {
                    ConvolutionShape s = ConvolutionShape.Of(5, 5, 160, 32, bits);
                    var blob = new TestBlob();
                    var weights = new sbyte[32 * 9 * 160];
                    Array.Fill(weights, (sbyte)(bits == 4 ? -7 : -127));
                    ConvolutionWeights at = blob.Add(s, weights, [.. Enumerable.Repeat(1f, 32)], new float[32]);
                    using var pair = new Pair(kind, blob.Build(), 1);
                    var image = new float[25 * 160];
                    Array.Fill(image, zero == 0 ? 1e9f : -1e9f);
                    var to = new Quantization(1f, zero, levels);
                    Activation x = pair.Write(image), q = pair.Plan(25 * 160 * s.ElementSize), y = pair.Plan(4 * 25 * 32);
                    pair.Do(run => run.Quantize(x, q, to, new MapShape(5, 5, 160, s.ElementSize)));
                    pair.Do(run => run.Convolve(at, q, to, y, shape: s));
                    pair.Same(y, 25 * 32, exact: true);
                }
    }

    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void A_shape_of_literals_agrees(Accelerator kind)
    {
        ConvolutionShape s = ConvolutionShape.Of(6, 5, 32, 40, 4);
        var random = new Random(3);
        var blob = new TestBlob();
        ConvolutionWeights at = blob.Add(s, Values.Weights(random, 40 * 9 * 32, 4), Values.Floats(random, 40), Values.Floats(random, 40));
        using var pair = new Pair(kind, blob.Build(), 2);
        var to = new Quantization(0.02f, 77, 255);
        Activation x = pair.Write(Values.Images(random, 2, 30 * 32)), q = pair.Plan(30 * 32), y = pair.Plan(4 * 30 * 40);
        pair.Do(run => run.Quantize<Map>(x, q, to));
        pair.Do(run => run.Convolve<Literal>(at, q, to, y));
        pair.Same(y, 30 * 40, exact: true);
    }

    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Wrong_use_is_refused(Accelerator kind)
    {
        var blob = new TestBlob();
        ConvolutionShape s = ConvolutionShape.Of(4, 4, 8, 8, 4);
        ConvolutionWeights at = blob.Add(s, new sbyte[8 * 9 * 8], new float[8], new float[8]);
        using var pair = new Pair(kind, blob.Build(), 1, arena: 1 << 14);
        Activation q = pair.Plan(512), y = pair.Plan(512);
        var to = new Quantization(1f, 0, 255);
        foreach (Execution run in pair.Runs)
        {
            Assert.Throws<ArgumentException>(() => run.Convolve(at, q, to, y, shape: s with { WeightBits = 32 }));
            Assert.Throws<ArgumentException>(() => run.Convolve(at, q, y, shape: s));
            Assert.Throws<ArgumentException>(() => run.Convolve(at, q, to with { Scale = 0f }, y, shape: s));
            Assert.Throws<ArgumentException>(() => run.Convolve(at, q, to with { ZeroPoint = 256 }, y, shape: s));
            Assert.Throws<ArgumentException>(() => run.Convolve(at, q, to, y, shape: s with { Upsample = 3 }));
            Assert.Throws<ArgumentException>(() => run.Convolve(at, q, to, y, shape: s with { OutputChannels = 800 }));
            Assert.Throws<ArgumentException>(() => run.Convolve(new ConvolutionWeights(1 << 20), q, to, y, shape: s));
            Assert.Throws<ArgumentException>(() => run.Convolve(at, new Activation(1 << 20), to, y, shape: s));
            Assert.Throws<ArgumentException>(() => run.Convolve(at, q, to, y, vector: 4, shape: s));
            Assert.Throws<ArgumentException>(() => run.Convolve(at, q, to, y, correction: new Correction(2f, [1f, 2f]), shape: s));
        }
    }

    private static void Integer(Accelerator kind, ConvolutionShape s, Quantization from, int batch)
    {
        var random = new Random(1);
        int inputs = s.InputHeight * s.InputWidth, elements = s.OutputHeight * s.OutputWidth * s.OutputChannels;
        sbyte[] weights = Values.Weights(random, s.OutputChannels * s.KernelSize * s.KernelSize * s.InputChannels, s.WeightBits);
        float[] scales = Values.Floats(random, s.OutputChannels), bias = Values.Floats(random, s.OutputChannels);
        float[] vector = Values.Floats(random, s.OutputChannels + 5), offset = Values.Floats(random, s.OutputChannels);
        var blob = new TestBlob();
        ConvolutionWeights at = blob.Add(s, weights, scales, bias);
        EmbeddingWeights table = blob.AddVectors(vector);
        using var pair = new Pair(kind, blob.Build(), batch, vector.Length);
        Activation x = pair.Write(Values.Images(random, batch, inputs * s.InputChannels, 8f));
        Activation q = pair.Plan(inputs * ((s.InputChannels + 3) & ~3) * s.ElementSize), y = pair.Plan(4 * elements);
        Activation residual = pair.Write(Values.Images(random, batch, elements));
        pair.Do(run => run.Quantize(x, q, from, new MapShape(s.InputHeight, s.InputWidth, s.InputChannels, s.ElementSize)));
        pair.SameQuantized(q, inputs, s.InputChannels, s.ElementSize);
        pair.Do(run => run.Convolve(at, q, from, y, shape: s));
        pair.Same(y, elements, exact: true);
        pair.Do(run => run.Embed(table, pair.Vectors, 0, new EmbeddingShape(1, 0, 0, vector.Length)));
        pair.Do(run => run.Convolve(at, q, from, y, 5, residual, new Correction(1.25f, offset), s));
        pair.Same(y, elements);
        pair.Do(run => run.Convolve(at, q, from, residual, residual: residual, shape: s));
        pair.Same(residual, elements);
    }

    private readonly struct Literal : IConvolutionShape
    {
        public int InputHeight => 6;
        public int InputWidth => 5;
        public int InputChannels => 32;
        public int OutputHeight => 6;
        public int OutputWidth => 5;
        public int OutputChannels => 40;
        public int KernelSize => 3;
        public int Stride => 1;
        public int PaddingTop => 1;
        public int PaddingLeft => 1;
        public int Upsample => 1;
        public int WeightBits => 4;
        public float OutputScale => 1f;
    }

    private readonly struct Map : IMapShape
    {
        public int Height => 6;
        public int Width => 5;
        public int Channels => 32;
        public int ElementSize => 1;
    }
}
