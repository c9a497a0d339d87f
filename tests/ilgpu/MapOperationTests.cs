using Specializer.Kernels.Tests;

namespace Specializer.Ilgpu.Tests;

/// <summary>Operations of transformers, autoencoders and text encoders beside the CPU's, over odd sizes.</summary>
public class MapOperationTests
{
    private static readonly Quantization s_to = new(0.015f, 117, 255);

    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Layer_normalisation_agrees(Accelerator kind)
    {
        foreach (MapShape s in (MapShape[])[new(1, 1, 1, 1), new(3, 2, 7, 2), new(2, 1, 64, 1), new(1, 3, 37, 2)])
        {
            var random = new Random(5);
            var blob = new TestBlob();
            NormWeights at = blob.AddNorm(Values.Floats(random, s.Channels), Values.Floats(random, s.Channels));
            using var pair = new Pair(kind, blob.Build(), 2);
            Activation x = pair.Write(Values.Images(random, 2, s.Elements, 3f)), y = pair.Plan(4 * s.Elements), q = pair.Plan(2 * s.Height * s.Width * (s.Channels + 3));
            pair.Do(run => run.LayerNormalize(at, x, y, 1e-5f, s));
            pair.Same(y, s.Elements);
            pair.Do(run => run.LayerNormalizeQuantize(at, x, q, s_to, 1e-5f, s));
            pair.SameQuantized(q, s.Height * s.Width, s.Channels, s.ElementSize);
        }
    }

    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Non_linearities_and_gates_agree(Accelerator kind)
    {
        foreach (MapShape s in (MapShape[])[new(1, 1, 1, 1), new(3, 5, 7, 2), new(2, 1, 32, 1)])
        {
            int pixels = s.Height * s.Width;
            using var pair = new Pair(kind, new TestBlob().Build(), 2);
            float[][] images = Values.Images(new Random(6), 2, 2 * s.Elements, 6f);
            images[1][0] = 120f;
            images[0][^1] = -120f;
            Activation x = pair.Write(images), y = pair.Plan(4 * s.Elements), q = pair.Plan(2 * pixels * (s.Channels + 3));
            foreach (Nonlinearity function in Enum.GetValues<Nonlinearity>())
            {
                pair.Do(run => run.Activate(x, y, function, s));
                pair.Same(y, s.Elements);
            }

            pair.Do(run => run.ActivateQuantize(x, q, s_to, Nonlinearity.QuickGelu, s));
            pair.SameQuantized(q, pixels, s.Channels, s.ElementSize);
            pair.Do(run => run.GateGelu(x, y, s));
            pair.Same(y, s.Elements);
            pair.Do(run => run.GateGeluQuantize(x, q, s_to, s));
            pair.SameQuantized(q, pixels, s.Channels, s.ElementSize);
        }
    }

    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Maps_between_maps_agree(Accelerator kind)
    {
        const int channels = 5, first = 3;
        var random = new Random(7);
        var s = new MapShape(4, 6, channels, 4);
        float[] vectors = Values.Floats(random, first + 2 * channels);
        var blob = new TestBlob();
        EmbeddingWeights table = blob.AddVectors(vectors);
        using var pair = new Pair(kind, blob.Build(), 2, vectors.Length);
        Activation x = pair.Write(Values.Images(random, 2, s.Elements, 2f)), y = pair.Plan(4 * s.Elements), condition = pair.Write(Values.Images(random, 2, 2 * channels, 2f));
        pair.Do(run => run.Embed(table, pair.Vectors, 0, new EmbeddingShape(1, 0, 0, vectors.Length)));
        pair.Do(run => run.ScaleShift(x, y, first, s));
        pair.Same(y, s.Elements);
        foreach (Execution run in pair.Runs) Assert.Throws<ArgumentOutOfRangeException>(() => run.ScaleShift(x, y, first + 1, s));
        foreach (bool scales in (bool[])[true, false])
        {
            pair.Do(run => run.Modulate(x, condition, y, scales, s));
            pair.Same(y, s.Elements);
        }

        pair.Do(run => run.MapLinear(x, y, 2.5f, -0.75f, s));
        pair.Same(y, s.Elements);
        var half = new MapShape(2, 3, channels, 4);
        pair.Do(run => run.Resample(x, y, halve: true, half));
        pair.Same(y, half.Elements);
        pair.Do(run => run.Resample(y, x, halve: false, s));
        pair.Same(x, s.Elements);
        foreach (Execution run in pair.Runs) Assert.Throws<ArgumentException>(() => run.Resample(x, y, halve: false, half));
    }

    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Tables_agree_and_are_never_left(Accelerator kind)
    {
        const int rows = 6, channels = 3;
        var random = new Random(8);
        var blob = new TestBlob();
        var words = new TableWeights(blob.AddNorm(Values.Floats(random, rows * channels), Values.Floats(random, 7 * channels)).Offset);
        Half[] halves = [.. Values.Floats(random, rows * channels).Select(v => (Half)v)];
        (halves[0], halves[1]) = (Half.Epsilon, -Half.Epsilon);
        TableWeights half = blob.AddTable(halves, Values.Floats(random, 7 * channels));
        using var pair = new Pair(kind, blob.Build(), 2);
        Activation ids = pair.Write([0, 5, 2, -1, 6, float.NaN, 3.7f], [1, 1, 4, 1e9f, float.NegativeInfinity, 0, 5]);
        Activation y = pair.Plan(4 * 7 * channels), x = pair.Write(Values.Images(random, 2, 7 * channels)), nearest = pair.Plan(4 * 7 * channels);
        pair.Do(run => run.LookUp(words, ids, y, rows, shape: new MapShape(1, 7, channels, 4)));
        pair.Same(y, 7 * channels);
        pair.Do(run => run.LookUp(half, ids, y, rows, 16, new MapShape(1, 7, channels, 4)));
        pair.Same(y, 7 * channels);
        pair.Do(run => run.FindNearest(words, x, nearest, rows, new MapShape(7, 1, channels, 4)));
        pair.Same(nearest, 7 * channels);
        Activation selected = pair.Plan(4 * channels);
        foreach (int id in (int[])[5, 1, 4])
        {
            pair.Do(run => run.Select(x, ids, selected, id, new MapShape(1, 7, channels, 4)));
            pair.Same(selected, channels);
        }
    }

    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Attention_over_a_context_agrees(Accelerator kind)
    {
        foreach (CrossShape s in (CrossShape[])[new(7, 1, 2, 5, false), new(5, 13, 1, 6, false), new(18, 7, 2, 8, false), new(11, 11, 3, 4, true), new(33, 33, 1, 17, true)])
        {
            using var pair = new Pair(kind, new TestBlob().Build(), 2);
            int all = s.Heads * s.HeadChannels;
            Activation query = pair.Write(Values.Images(new Random(9), 2, s.Tokens * all, 3f)), context = pair.Write(Values.Images(new Random(10), 2, 2 * s.ContextTokens * all, 3f)), y = pair.Plan(4 * s.Tokens * all);
            pair.Do(run => run.AttendCross(query, context, y, s));
            pair.Same(y, s.Tokens * all);
            // Ranges that clip, and zero points at both ends and between.
            pair.Do(run => run.AttendCross(query, context, y, new(0.02f, 120, 255), new(0.011f, 0, 255), new(0.025f, 255, 255), s));
            pair.Same(y, s.Tokens * all);
        }
    }

    private readonly record struct CrossShape(int Tokens, int ContextTokens, int Heads, int HeadChannels, bool Causal) : ICrossAttentionShape;
}
