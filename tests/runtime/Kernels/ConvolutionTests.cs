namespace Specializer.Kernels.Tests;

public class ConvolutionTests
{
    public static TheoryData<string> Cases => [.. Shapes.Keys];

    private static readonly Dictionary<string, ConvolutionShape> Shapes = new()
    {
        ["input of 1 channel"] = ConvolutionShape.Of(7, 9, 1, 20, 8),
        ["input of 3 channels"] = ConvolutionShape.Of(8, 8, 3, 16, 8),
        ["output of 1 channel"] = ConvolutionShape.Of(7, 7, 32, 1, 8),
        ["output of 3 channels"] = ConvolutionShape.Of(9, 5, 20, 3, 4),
        ["output of 4 channels, scaled"] = ConvolutionShape.Of(6, 6, 16, 4, 4, outputScale: 0.7071f),
        ["stride 2"] = ConvolutionShape.Of(8, 8, 12, 24, 4, stride: 2),
        ["stride 2, padded at the end only"] = ConvolutionShape.Of(8, 10, 8, 17, 4, stride: 2, before: 0),
        ["upsampled"] = ConvolutionShape.Of(4, 5, 8, 32, 4, upsample: 2),
        ["upsampled, 8 bit"] = ConvolutionShape.Of(3, 4, 6, 9, 8, upsample: 2),
        ["upsampled to an odd size"] = ConvolutionShape.Of(4, 5, 8, 32, 4, after: 0, upsample: 2),
        ["upsampled to odd rows, 8 bit"] = ConvolutionShape.Of(3, 4, 6, 9, 8, upsample: 2) with { OutputHeight = 5 },
        ["upsampled one pixel to one"] = ConvolutionShape.Of(1, 1, 9, 17, 8, after: 0, upsample: 2),
        ["1×1"] = ConvolutionShape.Of(7, 7, 64, 48, 4, kernel: 1, before: 0, after: 0),
        ["1×1, 8 bit, scaled"] = ConvolutionShape.Of(5, 3, 37, 31, 8, kernel: 1, before: 0, after: 0, outputScale: 0.5f),
        ["5×5"] = ConvolutionShape.Of(6, 7, 5, 18, 4, kernel: 5, before: 2, after: 2),
        ["four pixels, runs of unequal length"] = ConvolutionShape.Of(2, 2, 340, 33, 4),
        ["one pixel"] = ConvolutionShape.Of(1, 1, 70, 70, 4),
        ["runs shorter than a tap"] = ConvolutionShape.Of(4, 4, 44, 16, 4),
        ["runs of unequal length"] = ConvolutionShape.Of(5, 5, 76, 33, 4),
        ["stride 2, 8 bit"] = ConvolutionShape.Of(9, 11, 24, 20, 8, stride: 2),
        ["F(2×2), odd sizes"] = ConvolutionShape.Of(5, 7, 37, 35, 8),
        ["F(2×2), without padding"] = ConvolutionShape.Of(8, 8, 24, 40, 8, before: 0, after: 0),
        ["F(2×2), upsampled"] = ConvolutionShape.Of(3, 2, 20, 24, 8, upsample: 2),
        ["F(2×2), upsampled to an odd size"] = ConvolutionShape.Of(3, 4, 37, 35, 8, after: 0, upsample: 2),
        ["F(4×4), odd sizes"] = ConvolutionShape.Of(17, 13, 37, 35, 8),
        ["F(4×4), 4 bit, odd sizes"] = ConvolutionShape.Of(18, 23, 39, 33, 4),
        ["F(4×4), 16 channels, scaled"] = ConvolutionShape.Of(16, 14, 16, 16, 8, outputScale: 0.7071f),
        ["F(4×4), upsampled"] = ConvolutionShape.Of(9, 11, 20, 24, 8, upsample: 2),
        ["F(4×4), 4 bit, upsampled"] = ConvolutionShape.Of(13, 12, 23, 24, 4, upsample: 2),
        ["F(4×4), upsampled to odd columns"] = ConvolutionShape.Of(9, 11, 20, 24, 8, upsample: 2) with { OutputWidth = 21 },
        ["F(4×4), 4 bit, upsampled to an odd size"] = ConvolutionShape.Of(13, 12, 23, 24, 4, after: 0, upsample: 2),
        ["F(4×4), padded at the end only"] = ConvolutionShape.Of(15, 18, 18, 17, 8, before: 0, after: 2),
        ["F(4×4), without padding"] = ConvolutionShape.Of(21, 17, 24, 40, 8, before: 0, after: 0),
        ["F(4×4), more patches than a block"] = ConvolutionShape.Of(37, 30, 16, 20, 4),
        ["many pixels"] = ConvolutionShape.Of(19, 23, 8, 16, 4),
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Integer_results_equal_the_plain_loop(string name)
    {
        foreach (int levels in (int[])[15, 255])
            foreach ((int threads, int batch) in ((int, int)[])[(1, 1), (2, 2), (5, 7), (1, 7), (5, 1)])
                CheckInteger(Shapes[name], new Quantization(0.037f, levels / 3, levels), threads, batch, Extreme.None);
    }

    /// <summary>So that each form is among the cases above.</summary>
    [Fact]
    public void Cases_named_after_a_form_take_it()
    {
        foreach ((string name, ConvolutionShape s) in Shapes)
            if (name.StartsWith("F(", StringComparison.Ordinal))
                Assert.Equal(name[2] == '2' ? ConvolutionForm.Winograd2 : ConvolutionForm.Winograd4, Winograd.Choose(ConvolutionGeometry.Of(s), 1, s.WeightBits, 0, wide: false));
    }

    [Theory]
    [InlineData(4)]
    [InlineData(8)]
    public unsafe void The_largest_sum_of_weights_is_found(int bits)
    {
        ConvolutionShape s = ConvolutionShape.Of(4, 4, 39, 37, bits);
        sbyte[] weights = Values.Weights(new Random(6), 37 * 9 * 39, bits);
        var blob = new TestBlob();
        ConvolutionWeights at = blob.Add(s, weights, new float[37], new float[37]);
        long[] sums = [.. weights.Chunk(9 * 39).SelectMany(output => (long[])[output.Sum(w => Math.Max((int)w, 0)), output.Sum(w => Math.Max(-w, 0))])];
        using PackedWeights packed = blob.Build();
        byte* panels = packed.Read(at.Offset, 1);
        Assert.Equal(sums.Max(), bits == 4 ? Winograd.LargestSum<NibbleSource>(panels, 3, 90) : Winograd.LargestSum<WordSource>(panels, 3, 90));
    }

    /// <summary>In exact numbers both forms are the same sum: with small integers nothing is rounded.</summary>
    [Theory]
    [InlineData(4, 4, 16)]
    [InlineData(7, 5, 21)]
    public void Fp32_winograd_is_a_convolution(int height, int width, int channels)
    {
        ConvolutionShape s = ConvolutionShape.Of(height, width, channels, 3, 32);
        var random = new Random(8);
        float[] weights = Integers(3 * 9 * channels), image = Integers(height * width * channels), bias = new float[3];
        int[] quantized = [.. image.Select(v => (int)v)];
        ConvolutionGeometry g = ConvolutionGeometry.Of(s);
        Assert.True(FloatWinograd.Computes(g));
        Values.Same(Reference.Convolve(g, quantized, new Quantization(1f, 0, 255), [.. weights.Select(w => (sbyte)w)], [1f, 1f, 1f], bias, new(OutputScale: 1f)),
            Reference.Convolve(g, image, weights, bias, new(OutputScale: 1f)));

        float[] Integers(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)random.Next(0, 9))];
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Fp32_results_equal_the_plain_loop(string name) => CheckFloat(Shapes[name] with { WeightBits = 32 });

    [Theory]
    [MemberData(nameof(Cases))]
    public void Weights_in_fp16_give_the_bits_of_fp32(string name) => CheckFloat(Shapes[name] with { WeightBits = 16 });

    private static void CheckFloat(ConvolutionShape s)
    {
        foreach ((int threads, int batch, bool wide) in ((int, int, bool)[])[(1, 1, false), (1, 1, true), (2, 2, true), (5, 7, false), (5, 7, true), (1, 7, false), (5, 1, true)])
        {
            var random = new Random(2);
            int elements = s.OutputHeight * s.OutputWidth * s.OutputChannels;
            float[] weights = Values.Floats(random, s.OutputChannels * s.KernelSize * s.KernelSize * s.InputChannels), bias = Values.Floats(random, s.OutputChannels);
            if (s.WeightBits == 16) weights = Array.ConvertAll(weights, w => (float)(Half)w);
            float[][] images = Values.Images(random, batch, s.InputHeight * s.InputWidth * s.InputChannels);
            float[][] residuals = Values.Images(random, batch, elements);
            float[] vector = Values.Floats(random, s.OutputChannels + 5), offset = Values.Floats(random, s.OutputChannels);
            var blob = new TestBlob();
            ConvolutionWeights at = blob.Add(s, weights, bias);
            EmbeddingWeights table = blob.AddVectors(vector);
            using var bench = new Bench(blob.Build(), threads, batch, vector.Length, wide: wide);
            Activation x = bench.Write(images), y = bench.Plan(4 * elements), residual = bench.Write(residuals);
            bench.Run.Embed(table, bench.Vectors, 0, new EmbeddingShape(1, 0, 0, vector.Length));

            bench.Run.Convolve(at, x, y, shape: s);
            float[][] plain = bench.Read(y, elements);
            bench.Run.Convolve(at, x, y, 5, residual, shape: s);
            float[][] added = bench.Read(y, elements);
            bench.Run.Convolve(at, x, y, 5, residual, new Correction(1.25f, offset), s);
            float[][] full = bench.Read(y, elements);
            for (int n = 0; n < batch; n++)
            {
                var g = ConvolutionGeometry.Of(s);
                Values.Same(Reference.Convolve(g, images[n], weights, bias, new(OutputScale: s.OutputScale)), plain[n]);
                Values.Same(Reference.Convolve(g, images[n], weights, bias, new(vector[5..], residuals[n], s.OutputScale)), added[n]);
                Values.Same(Reference.Convolve(g, images[n], weights, bias, new(vector[5..], residuals[n], s.OutputScale, 1.25f, offset)), full[n]);
            }
        }
    }

    [Theory]
    [InlineData(4, 15)]
    [InlineData(4, 255)]
    [InlineData(8, 15)]
    [InlineData(8, 255)]
    public void Extremes_do_not_saturate(int bits, int levels)
    {
        foreach (ConvolutionShape s in (ConvolutionShape[])[ConvolutionShape.Of(5, 5, 160, 32, bits), ConvolutionShape.Of(2, 2, 160, 32, bits)])
            foreach (Extreme extreme in (Extreme[])[Extreme.AllLargest, Extreme.AllSmallest])
            {
                CheckInteger(s, new Quantization(1f, 0, levels), 2, 2, extreme);
                CheckInteger(s, new Quantization(1f, levels, levels), 1, 1, extreme);
            }
    }

    /// <summary>On both sides of the channels up to which 64 times (on the large maps) or four times a sum fits 32 bits.</summary>
    [Theory]
    [InlineData(8, 112, 20, "Winograd4")]
    [InlineData(8, 120, 20, "Winograd2")]
    [InlineData(4, 2084, 12, "Winograd4")]
    [InlineData(4, 2092, 12, "Direct")]
    [InlineData(8, 1840, 6, "Winograd2")]
    [InlineData(8, 1844, 6, "Direct")]
    public void Extremes_of_many_channels_do_not_overflow(int bits, int channels, int size, string form)
    {
        ConvolutionShape s = ConvolutionShape.Of(size, size, channels, 16, bits);
        Assert.Equal(form, Winograd.Choose(ConvolutionGeometry.Of(s), 1, bits, 255L * 9 * channels * (bits == 4 ? 7 : 127), wide: false).ToString());
        foreach (Extreme extreme in (Extreme[])[Extreme.AllLargest, Extreme.AllSmallest])
        {
            CheckInteger(s, new Quantization(1f, 0, 255), 1, 1, extreme);
            CheckInteger(s, new Quantization(1f, 255, 255), 2, 1, extreme);
        }
    }

    [Fact]
    public void The_residual_may_be_the_result()
    {
        ConvolutionShape s = ConvolutionShape.Of(6, 6, 8, 19, 4);
        var random = new Random(5);
        int elements = 36 * 19;
        float[][] images = Values.Images(random, 2, 36 * 8, 4f), previous = Values.Images(random, 2, elements);
        sbyte[] weights = Values.Weights(random, 19 * 9 * 8, 4);
        float[] scales = Values.Floats(random, 19), bias = Values.Floats(random, 19);
        var from = new Quantization(0.1f, 40, 255);
        var blob = new TestBlob();
        ConvolutionWeights at = blob.Add(s, weights, scales, bias);
        using var bench = new Bench(blob.Build(), 2, 2);
        Activation x = bench.Write(images), q = bench.Plan(36 * 8), y = bench.Write(previous);
        bench.Run.Quantize(x, q, from, new MapShape(6, 6, 8, 1));
        bench.Run.Convolve(at, q, from, y, residual: y, shape: s);
        float[][] actual = bench.Read(y, elements);
        for (int n = 0; n < 2; n++)
            Values.Same(Reference.Convolve(ConvolutionGeometry.Of(s), Values.Quantized(images[n], from), from, weights, scales, bias, new(Residual: previous[n])), actual[n]);
    }

    [Fact]
    public void Wrong_use_is_refused()
    {
        var blob = new TestBlob();
        ConvolutionShape s = ConvolutionShape.Of(4, 4, 8, 8, 4);
        ConvolutionWeights at = blob.Add(s, new sbyte[8 * 9 * 8], new float[8], new float[8]);
        using var bench = new Bench(blob.Build(), 1, 1, arena: 1 << 14);
        Activation q = bench.Plan(512), y = bench.Plan(512);
        var to = new Quantization(1f, 0, 255);
        Assert.Throws<ArgumentException>(() => bench.Run.Convolve(at, q, to, y, shape: s with { WeightBits = 32 }));
        Assert.Throws<ArgumentException>(() => bench.Run.Convolve(at, q, y, shape: s));
        Assert.Throws<ArgumentException>(() => bench.Run.Convolve(at, q, to with { Scale = 0f }, y, shape: s));
        Assert.Throws<ArgumentException>(() => bench.Run.Convolve(at, q, to with { ZeroPoint = 256 }, y, shape: s));
        Assert.Throws<ArgumentException>(() => bench.Run.Convolve(at, q, to, y, shape: s with { Upsample = 3 }));
        // Of four rows come seven or eight.
        foreach ((int height, int width, int stride) in ((int, int, int)[])[(6, 8, 1), (9, 8, 1), (8, 6, 1), (8, 9, 1), (4, 4, 2)])
            Assert.Throws<ArgumentException>(() => bench.Run.Convolve(at, q, to, y, shape: s with { Upsample = 2, Stride = stride, OutputHeight = height, OutputWidth = width }));
        Assert.Throws<ArgumentException>(() => bench.Run.Convolve(at, q, to, y, shape: s with { OutputChannels = 800 }));
        Assert.Throws<ArgumentException>(() => bench.Run.Convolve(new ConvolutionWeights(1 << 20), q, to, y, shape: s));
        Assert.Throws<ArgumentException>(() => bench.Run.Convolve(at, new Activation(1 << 14), to, y, shape: s));
        Assert.Throws<ArgumentException>(() => bench.Run.Convolve(at, q, to, y, vector: 0, shape: s));
        Assert.Throws<ArgumentException>(() => bench.Run.Convolve(at, q, to, y, shape: s with { InputHeight = 1, InputWidth = 1, InputChannels = 1 << 20 }));
    }

    private enum Extreme
    {
        None,
        AllLargest,
        AllSmallest,
    }

    private static void CheckInteger(ConvolutionShape s, Quantization from, int threads, int batch, Extreme extreme)
    {
        CheckInteger(s, from, threads, batch, extreme, wide: false);
        CheckInteger(s, from, threads, batch, extreme, wide: true);
    }

    private static void CheckInteger(ConvolutionShape s, Quantization from, int threads, int batch, Extreme extreme, bool wide)
    {
        var random = new Random(1);
        int elements = s.OutputHeight * s.OutputWidth * s.OutputChannels, inputs = s.InputHeight * s.InputWidth * s.InputChannels;
        sbyte[] weights = Values.Weights(random, s.OutputChannels * s.KernelSize * s.KernelSize * s.InputChannels, s.WeightBits);
        float[] scales = Values.Floats(random, s.OutputChannels, 0.01f), bias = Values.Floats(random, s.OutputChannels);
        float[][] images = Values.Images(random, batch, inputs, from.Scale * from.Levels);
        if (extreme != Extreme.None)
        {
            sbyte weight = (sbyte)((s.WeightBits == 4 ? 7 : 127) * (extreme == Extreme.AllLargest ? 1 : -1));
            Array.Fill(weights, weight);
            foreach (float[] image in images) Array.Fill(image, from.ZeroPoint == 0 ? 1e9f : -1e9f);
        }

        float[][] residuals = Values.Images(random, batch, elements);
        float[] vector = Values.Floats(random, s.OutputChannels + 3), offset = Values.Floats(random, s.OutputChannels);
        var blob = new TestBlob();
        EmbeddingWeights table = blob.AddVectors(vector);
        ConvolutionWeights at = blob.Add(s, weights, scales, bias);
        using var bench = new Bench(blob.Build(), threads, batch, vector.Length, 64 * (inputs + elements), wide);
        Activation x = bench.Write(images), q = bench.Plan(s.InputHeight * s.InputWidth * (s.InputChannels + 3) / 4 * 4 * s.ElementSize * 2);
        Activation y = bench.Plan(4 * elements), residual = bench.Write(residuals);
        bench.Run.Embed(table, bench.Vectors, 0, new EmbeddingShape(1, 0, 0, vector.Length));
        bench.Run.Quantize(x, q, from, new MapShape(s.InputHeight, s.InputWidth, s.InputChannels, s.ElementSize));

        bench.Run.Convolve(at, q, from, y, shape: s);
        float[][] plain = bench.Read(y, elements);
        bench.Run.Convolve(at, q, from, y, 3, residual, shape: s);
        float[][] added = bench.Read(y, elements);
        bench.Run.Convolve(at, q, from, y, 3, residual, new Correction(0.75f, offset), s);
        float[][] full = bench.Read(y, elements);
        var g = ConvolutionGeometry.Of(s);
        for (int n = 0; n < batch; n++)
        {
            int[] quantized = Values.Quantized(images[n], from);
            Values.Same(Reference.Convolve(g, quantized, from, weights, scales, bias, new(OutputScale: s.OutputScale)), plain[n]);
            Values.Same(Reference.Convolve(g, quantized, from, weights, scales, bias, new(vector[3..], residuals[n], s.OutputScale)), added[n]);
            Values.Same(Reference.Convolve(g, quantized, from, weights, scales, bias, new(vector[3..], residuals[n], s.OutputScale, 0.75f, offset)), full[n]);
        }
    }
}
