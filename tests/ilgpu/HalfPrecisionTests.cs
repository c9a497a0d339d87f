using Specializer.Kernels.Tests;

namespace Specializer.Ilgpu.Tests;

/// <summary>FP32 operations under half precision, against the CPU's FP32 results and the bound of docs/gpu.md.</summary>
public class HalfPrecisionTests
{
    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Convolutions_keep_the_bound(Accelerator kind)
    {
        ConvolutionShape[] shapes =
        [
            ConvolutionShape.Of(5, 7, 8, 16, 32),
            ConvolutionShape.Of(5, 6, 37, 65, 32, outputScale: 0.7071f),
            ConvolutionShape.Of(4, 5, 80, 40, 32, stride: 2),
            ConvolutionShape.Of(3, 3, 72, 33, 32, upsample: 2),
            ConvolutionShape.Of(3, 4, 24, 17, 32, after: 0, upsample: 2),
            ConvolutionShape.Of(11, 13, 64, 64, 32, kernel: 1, before: 0, after: 0),
            ConvolutionShape.Of(6, 7, 40, 120, 32),
            // Left in FP32.
            ConvolutionShape.Of(6, 5, 3, 20, 32),
            ConvolutionShape.Of(6, 5, 20, 3, 32, kernel: 1, before: 0, after: 0),
        ];
        foreach (ConvolutionShape s in shapes)
        {
            const int batch = 2;
            var random = new Random(12);
            int elements = s.OutputHeight * s.OutputWidth * s.OutputChannels;
            float[] weights = Values.Floats(random, s.OutputChannels * s.KernelSize * s.KernelSize * s.InputChannels), bias = Values.Floats(random, s.OutputChannels);
            float[] vector = Values.Floats(random, s.OutputChannels);
            var blob = new TestBlob();
            ConvolutionWeights at = blob.Add(s, weights, bias), sizes = blob.Add(s, [.. weights.Select(MathF.Abs)], new float[s.OutputChannels]);
            EmbeddingWeights table = blob.AddVectors(vector);
            using var pair = new Pair(kind, blob.Build(), batch, vector.Length, half: true);
            float[][] images = Values.Images(random, batch, s.InputHeight * s.InputWidth * s.InputChannels, 3f);
            Activation x = pair.Write(images), y = pair.Plan(4 * elements), residual = pair.Write(Values.Images(random, batch, elements));
            Activation magnitudes = pair.Write([.. images.Select(i => i.Select(MathF.Abs).ToArray())]), sums = pair.Plan(4 * elements);
            pair.Do(run => run.Embed(table, pair.Vectors, 0, new EmbeddingShape(1, 0, 0, vector.Length)));
            pair.Do(run => run.Convolve(at, x, y, 0, residual, shape: s));
            pair.Runs[0].Convolve(sizes, magnitudes, sums, shape: s);

            int products = s.KernelSize * s.KernelSize * s.InputChannels;
            bool fits = s.InputChannels >= 8 && s.OutputChannels >= 16;
            float[] expected = pair.Read(0, y, elements), actual = pair.Read(1, y, elements), total = pair.Read(0, sums, elements);
            // The options' own rounding is the same on both sides but for the last bits.
            for (int i = 0; i < expected.Length; i++)
                Assert.True(MathF.Abs(expected[i] - actual[i]) <= Bound(products, total[i]) + 1e-5f, $"Element {i} is {actual[i]:R}, expected {expected[i]:R}.");
            Assert.Equal(fits, expected.Zip(actual).Any(p => p.First != p.Second));
        }
    }

    /// <summary>Where a map leaves the range of FP16 its elements become the largest number of it.</summary>
    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Numbers_out_of_range_become_the_largest(Accelerator kind)
    {
        ConvolutionShape s = ConvolutionShape.Of(1, 1, 16, 16, 32, kernel: 1, before: 0, after: 0);
        var identity = new float[256];
        for (int i = 0; i < 16; i++) identity[17 * i] = 1f;
        var blob = new TestBlob();
        ConvolutionWeights at = blob.Add(s, identity, new float[16]);
        using var pair = new Pair(kind, blob.Build(), 1, half: true);
        Activation x = pair.Write([1e9f, -1e9f, float.PositiveInfinity, 65504f, 6e-8f, 1f, -2f, 0f, 0f, 0f, 0f, 0f, 0f, 0f, 0f, 0f]), y = pair.Plan(64);
        pair.Other.Convolve(at, x, y, shape: s);
        Assert.Equal([65504f, -65504f, 65504f, 65504f, (float)Half.Epsilon, 1f, -2f, 0f], pair.Read(1, y, 16)[..8]);
    }

    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Attention_keeps_the_bound(Accelerator kind)
    {
        foreach (AttentionShape s in (AttentionShape[])[new(1, 1, 1), new(7, 2, 5), new(49, 3, 8), new(64, 1, 33), new(70, 2, 40), new(122, 1, 110)])
        {
            const int batch = 2;
            using var pair = new Pair(kind, new TestBlob().Build(), batch, half: true);
            int all = s.Heads * s.HeadChannels, elements = s.Tokens * all;
            float[][] qkv = Values.Images(new Random(6), batch, 3 * elements, 2f);
            Activation x = pair.Write(qkv), y = pair.Plan(4 * elements);
            pair.Do(run => run.Attend(x, y, s));
            float[] expected = pair.Read(0, y, elements), actual = pair.Read(1, y, elements);
            for (int i = 0; i < expected.Length; i++)
            {
                int image = i / elements, token = i % elements / all, head = i % all / s.HeadChannels;
                float bound = Bound(qkv[image], s, token, head);
                Assert.True(MathF.Abs(expected[i] - actual[i]) <= bound, $"{s}: element {i} is {actual[i]:R}, expected {expected[i]:R} ± {bound}.");
            }
        }
    }

    /// <summary>Over its own keys, which then lie in a map of their own, attention is self-attention: the same conversions and products.</summary>
    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Attention_over_a_context_is_the_same_attention(Accelerator kind)
    {
        const int tokens = 37, heads = 2, channels = 5, all = heads * channels;
        using var pair = new Pair(kind, new TestBlob().Build(), 1, half: true);
        float[] qkv = Values.Floats(new(6), tokens * 3 * all, 2f);
        Activation side = pair.Write(qkv), self = pair.Plan(4 * tokens * all), cross = pair.Plan(4 * tokens * all);
        Activation query = pair.Write([.. qkv.Chunk(3 * all).SelectMany(p => p[..all])]), context = pair.Write([.. qkv.Chunk(3 * all).SelectMany(p => p[all..])]);
        pair.Other.Attend(side, self, new AttentionShape(tokens, heads, channels));
        pair.Other.AttendCross(query, context, cross, new OwnKeys(tokens, heads, channels));
        Values.Same(pair.Read(1, self, tokens * all), pair.Read(1, cross, tokens * all));
    }

    private readonly record struct OwnKeys(int Tokens, int Heads, int HeadChannels) : ICrossAttentionShape
    {
        public int ContextTokens => Tokens;
        public bool Causal => false;
    }

    /// <summary>A score moves by at most δ, so a weight by a factor e^±2δ; weights and values are rounded besides.</summary>
    private static float Bound(float[] qkv, AttentionShape s, int query, int head)
    {
        int all = s.Heads * s.HeadChannels, row = 3 * all, first = head * s.HeadChannels;
        float total = 0, largest = 0;
        for (int key = 0; key < s.Tokens; key++)
        {
            float sum = 0;
            for (int d = first; d < first + s.HeadChannels; d++)
            {
                sum += MathF.Abs(qkv[query * row + d] * qkv[key * row + all + d]);
                largest = MathF.Max(largest, MathF.Abs(qkv[key * row + 2 * all + d]));
            }

            total = MathF.Max(total, sum);
        }

        float delta = Bound(s.HeadChannels, total) / MathF.Sqrt(s.HeadChannels);
        return (MathF.Exp(2 * delta) - 1 + MathF.Pow(2, -9) + s.Tokens * MathF.Pow(2, -22)) * largest;
    }

    [Fact]
    public void Conversion_is_that_of_the_runtime()
    {
        // Every FP16 number, the middle to the next one, and its neighbours.
        for (int h = 0; h < 0x7C00; h++)
        {
            float value = (float)BitConverter.UInt16BitsToHalf((ushort)h), next = (float)BitConverter.UInt16BitsToHalf((ushort)(h + 1));
            float middle = h == 0x7BFF ? value : (value + next) / 2;
            foreach (float x in (float[])[value, middle, MathF.BitIncrement(middle), MathF.BitDecrement(next), -value, -middle])
            {
                float finite = MathF.CopySign(MathF.Min(MathF.Abs(x), 65504f), x);
                Assert.Equal(BitConverter.HalfToUInt16Bits((Half)finite), Intrinsics.DeviceHalf.FromFloat(x));
            }

            Assert.Equal(value, Intrinsics.DeviceHalf.Low(h));
            Assert.Equal(-value, Intrinsics.DeviceHalf.High((h | 0x8000) << 16));
        }

        Assert.True(float.IsNaN(Intrinsics.DeviceHalf.Low(Intrinsics.DeviceHalf.Pack(float.NaN, 0f))));
    }

    /// <summary>Two roundings of relative 2⁻¹¹ a product, those of the sums, and what subnormal numbers lose.</summary>
    private static float Bound(int products, float total) => (MathF.Pow(2, -10) * 1.01f + products * MathF.Pow(2, -22)) * total + products * MathF.Pow(2, -24);
}
