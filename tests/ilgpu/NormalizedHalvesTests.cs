using Specializer.Kernels.Tests;

namespace Specializer.Ilgpu.Tests;

/// <summary>Under half precision a normalisation leaves its result in FP16, too. A convolution that reads it must have the bits of one that converts the same FP32 map first.</summary>
public class NormalizedHalvesTests
{
    private const int Batch = 2;

    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Convolutions_of_normalised_maps_have_the_bits_of_converted_ones(Accelerator kind)
    {
        // One launch, one map and two, a group over the border between them; then two launches, for groups of two channels; then channels that are converted as before.
        (GroupNormShape Shape, int Expected)[] cases =
        [
            (new(5, 7, 16, 0, 4, 1e-5f, Nonlinearity.Silu, 1), 2),
            (new(3, 5, 24, 8, 2, 1e-5f, Nonlinearity.None, 1), 3),
            (new(7, 9, 16, 0, 8, 1e-5f, Nonlinearity.Silu, 1), 3),
            (new(5, 3, 16, 24, 20, 1e-6f, Nonlinearity.Silu, 1), 4),
            (new(5, 7, 12, 0, 3, 1e-5f, Nonlinearity.Silu, 1), 3),
            (new(3, 5, 16, 12, 7, 1e-5f, Nonlinearity.Silu, 1), 5),
        ];
        foreach ((GroupNormShape s, int expected) in cases)
        {
            var random = new Random(15);
            int all = s.Channels + s.SkipChannels, pixels = s.Height * s.Width;
            var blob = new TestBlob();
            NormWeights norm = blob.AddNorm(Values.Floats(random, all), Values.Floats(random, all));
            ConvolutionShape first = ConvolutionShape.Of(s.Height, s.Width, s.Channels, 20, 32), second = ConvolutionShape.Of(s.Height, s.Width, Math.Max(8, s.SkipChannels), 20, 32, stride: 2);
            ConvolutionWeights at = blob.Add(first, Values.Floats(random, 20 * 9 * first.InputChannels), Values.Floats(random, 20));
            ConvolutionWeights skipAt = blob.Add(second, Values.Floats(random, 20 * 9 * second.InputChannels), Values.Floats(random, 20));
            using var pair = new Pair(kind, blob.Build(), Batch, half: true);
            Activation x = pair.Write(Values.Images(random, Batch, pixels * s.Channels, 3f)), skip = pair.Write(Values.Images(random, Batch, pixels * Math.Max(1, s.SkipChannels), 3f));
            Activation y = pair.Plan(4 * pixels * s.Channels), ySkip = pair.Plan(4 * pixels * Math.Max(1, s.SkipChannels)), z = pair.Plan(4 * pixels * 20), zSkip = pair.Plan(4 * pixels * 20);
            long launched = Launches(pair.Other);
            pair.Do(run => run.Normalize(norm, x, y, skip, ySkip, s));
            pair.Other.Convolve(at, y, z, shape: first);
            if (s.SkipChannels != 0) pair.Other.Convolve(skipAt, ySkip, zSkip, shape: second);
            Assert.Equal(expected, Launches(pair.Other) - launched);

            pair.Same(y, pixels * s.Channels);
            Check(y, z, at, first);
            if (s.SkipChannels == 0) continue;
            pair.Same(ySkip, pixels * s.SkipChannels);
            Check(ySkip, zSkip, skipAt, second);

            void Check(Activation map, Activation result, ConvolutionWeights weights, ConvolutionShape shape)
            {
                int elements = pixels * shape.InputChannels, outputs = shape.OutputHeight * shape.OutputWidth * shape.OutputChannels;
                Activation copy = pair.Plan(4 * elements), converted = pair.Plan(4 * outputs);
                pair.Other.Write(copy, elements, pair.Read(1, map, elements));
                pair.Other.Convolve(weights, copy, converted, shape: shape);
                Assert.Equal(Bits(pair.Read(1, converted, outputs)), Bits(pair.Read(1, result, outputs)));
            }
        }
    }

    /// <summary>Whatever an operation writes over a normalised map, and whatever takes the working memory, the next convolution reads what is there now.</summary>
    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void What_is_written_over_a_normalised_map_is_read(Accelerator kind)
    {
        const int height = 4, width = 6, channels = 16, elements = height * width * channels;
        var random = new Random(16);
        var blob = new TestBlob();
        var norm = new GroupNormShape(height, width, channels, 0, 4, 1e-5f, Nonlinearity.Silu, 1);
        var map = new MapShape(height, width, channels, 1);
        ConvolutionShape half = ConvolutionShape.Of(height, width, channels, channels, 32), integer = ConvolutionShape.Of(height, width, channels, channels, 8);
        var embedding = new EmbeddingShape(1, 8, 2, 40);
        var attention = new AttentionShape(height * width, 2, channels / 2);
        NormWeights normAt = blob.AddNorm(Values.Floats(random, channels), Values.Floats(random, channels));
        ConvolutionWeights halfAt = blob.Add(half, Values.Floats(random, 9 * channels * channels), Values.Floats(random, channels));
        ConvolutionWeights integerAt = blob.Add(integer, Values.Weights(random, 9 * channels * channels, 8), Values.Floats(random, channels), Values.Floats(random, channels));
        EmbeddingWeights embeddingAt = blob.AddEmbedding(embedding, Values.Floats(random, 8), Values.Floats(random, 16), Values.Floats(random, 8 * 40), Values.Floats(random, 40));
        using var pair = new Pair(kind, blob.Build(), Batch, elements, [1, 0], half: true);
        Execution run = pair.Other;
        Activation x = pair.Write(Values.Images(random, Batch, elements, 3f)), qkv = pair.Write(Values.Images(random, Batch, 3 * elements, 3f));
        Activation z = pair.Plan(4 * elements), expected = pair.Plan(4 * elements), copy = pair.Plan(4 * elements), q = pair.Plan(elements);
        // The step vectors are written at their own place only.
        Activation y = pair.Vectors;
        float[] others = Values.Floats(random, Batch * elements);
        float[] covariance = [2f, 0f, 0f, 0f, 0f, 2f, 0f, 0f, 0f, 0f, 2f, 0f, 0f, 0f, 0f, 2f];
        Quantization to = new(0.02f, 100, 255);
        (string Name, Action Operation, bool Remembered)[] operations =
        [
            ("nothing", () => { }, true),
            ("a map elsewhere is written", () => run.Write(z, elements, others), true),
            ("a map elsewhere is quantized", () => run.Quantize(x, q, to, map), true),
            ("Write", () => run.Write(y, elements, others), false),
            ("Write behind the first elements", () => run.Write(new(y.Offset + 64), 8, others.AsSpan(0, 8 * Batch)), false),
            ("Quantize", () => run.Quantize(x, y, to, map), false),
            ("Normalize, other channels", () => run.Normalize(normAt, x, y, shape: norm with { Height = 2 * height, Width = 2 * width, Channels = 4, Groups = 1 }), false),
            ("Normalize in place", () => run.Normalize(normAt, y, y, shape: norm), true),
            ("NormalizeQuantize", () => run.NormalizeQuantize(normAt, x, y, to, shape: norm), false),
            ("Convolve in FP16", () => run.Convolve(halfAt, x, y, shape: half), false),
            ("Convolve in integers", () => run.Convolve(integerAt, q, to, y, shape: integer), false),
            ("Attend", () => run.Attend(qkv, y, attention), false),
            ("Attend in integers", () => run.Attend(qkv, y, to, to, to, attention), false),
            ("Embed", () => run.Embed(embeddingAt, pair.Vectors, 0, embedding), false),
            ("Guide", () => Guide(y), false),
            ("Solve", () => run.Solve(0, [new SolverRegister(y).Set(0.5f * new SolverRegister(y) + 0.4f * new SolverRegister(x))], map), false),
            ("Begin", () => run.Begin(DrawnImage.Consecutive(1, 7, 0, 2.5f), [1, 0], default), false),
            ("another run", () => run.Begin(Batch, [1, 0], default), false),
            ("working memory: Normalize", () => run.Normalize(normAt, x, z, shape: norm), false),
            ("working memory: NormalizeQuantize", () => run.NormalizeQuantize(normAt, x, z, to, shape: norm), false),
            ("working memory: a conversion", () => run.Convolve(halfAt, x, z, shape: half), false),
            ("working memory: Attend", () => run.Attend(qkv, z, attention), false),
        ];
        run.Begin(DrawnImage.Consecutive(1, 7, 0, 2.5f), [1, 0], default);
        foreach ((string name, Action operation, bool remembered) in operations)
        {
            Guide(z);
            run.Normalize(normAt, x, y, shape: norm);
            operation();
            long launched = Launches(run);
            run.Convolve(halfAt, y, z, shape: half);
            Assert.True((remembered ? 1 : 2) == Launches(run) - launched, name);

            float[] now = pair.Read(1, y, elements);
            run.Write(copy, elements, now);
            run.Convolve(halfAt, copy, expected, shape: half);
            Assert.True(Bits(pair.Read(1, expected, elements)).SequenceEqual(Bits(pair.Read(1, z, elements))), name);
            if (name == "another run") run.Begin(DrawnImage.Consecutive(1, 7, 0, 2.5f), [1, 0], default);
        }

        void Guide(Activation epsilon) => run.Guide(epsilon, new(covariance, new float[4 * channels], 0.3f, 0.8f, clampK: true, MeanCorrectionKind.Off, false), map);
    }

    /// <summary>Fewer images than the session holds, where FP16 maps lie closer together than FP32 ones.</summary>
    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Cuda)]
    public void Smaller_batches_have_the_same_bits(Accelerator kind)
    {
        var random = new Random(17);
        var blob = new TestBlob();
        var norm = new GroupNormShape(5, 3, 24, 16, 4, 1e-5f, Nonlinearity.Silu, 1);
        ConvolutionShape s = ConvolutionShape.Of(5, 3, 16, 16, 32);
        NormWeights normAt = blob.AddNorm(Values.Floats(random, 40), Values.Floats(random, 40));
        ConvolutionWeights at = blob.Add(s, Values.Floats(random, 9 * 256), Values.Floats(random, 16));
        using var pair = new Pair(kind, blob.Build(), 3, half: true);
        Activation x = pair.Write(Values.Images(random, 3, 15 * 24)), skip = pair.Write(Values.Images(random, 3, 15 * 16)), y = pair.Plan(60 * 24), ySkip = pair.Plan(60 * 16), z = pair.Plan(60 * 16);
        float[][] results = [.. new[] { 3, 2, 1 }.Select(batch =>
        {
            pair.Other.Begin(batch, default, default);
            pair.Other.Normalize(normAt, x, y, skip, ySkip, norm);
            pair.Other.Convolve(at, ySkip, z, shape: s);
            return pair.Read(1, z, 15 * 16);
        })];
        Assert.Equal(Bits(results[0][..480]), Bits(results[1]));
        Assert.Equal(Bits(results[0][..240]), Bits(results[2]));
    }

    private static long Launches(Execution run) => ((IlgpuExecution)run).LaunchCount;

    private static int[] Bits(float[] values) => [.. values.Select(BitConverter.SingleToInt32Bits)];
}
