using Specializer.Formats;
using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

public class NetworkInterpreterTests
{
    [Theory]
    [InlineData(1, 3)]
    [InlineData(2, 1)]
    [InlineData(3, 5)]
    public void Threads_and_batch_do_not_change_a_bit(int threads, int capacity)
    {
        ImportedModel model = DiffusersImporter.Load(ModelFolder.Source);
        float[] x = Noise(5 * 784, 1);
        int[] labels = [3, 10, 0, 7, 3];
        Assert.Equal(Evaluate(model, x, labels, 1, 5), Evaluate(model, x, labels, threads, capacity));
    }

    [Fact]
    public void Labels_and_timesteps_matter()
    {
        ImportedModel model = DiffusersImporter.Load(ModelFolder.Source);
        float[] x = Noise(784, 1);
        float[] a = Evaluate(model, x, [3], 1, 1), b = Evaluate(model, x, [4], 1, 1), c = Evaluate(model, x, [3], 1, 1, step: 1);
        Assert.NotEqual(a, b);
        Assert.NotEqual(a, c);
    }

    /// <summary>Compares every map that is also a module's output in the source library, so that a mistake shows where it is made.</summary>
    [SharedFact("golden/small-attn")]
    public void Activations_equal_the_reference_librarys()
    {
        string folder = SharedData.Golden("small-attn");
        ImportedModel model = DiffusersImporter.Load(folder);
        using SafetensorsFile golden = SafetensorsFile.Open(Path.Combine(folder, "golden.safetensors"));
        using var file = new GoldenFile(golden.Path, 16, 16, 3);
        int[] timesteps = file.Integers("in.t", 2);
        using var device = new CpuDevice(2);
        using var evaluator = new NetworkEvaluator(model.Network, 2, model.TensorBytes([.. timesteps.Select(t => (float)t)]), device, 1);
        var maps = model.Network.Maps.ToDictionary(m => m.Name);
        int compared = 0;
        for (int image = 0; image < 2; image++)
        {
            int current = image;
            evaluator.Evaluate(image, InterpretedStep.Float32, file.Images("in.x").AsSpan(image * 768, 768), [], new float[768], (operation, run) =>
            {
                // Modules whose output an operation holds entirely: norms here include SiLU, and conv1 and conv2 their additions.
                string name = operation.Name.EndsWith(".conv2", StringComparison.Ordinal) ? operation.Name[..^6]
                    : operation.Name.EndsWith(".to_out.0", StringComparison.Ordinal) ? operation.Name[..^9]
                    : operation.Name.EndsWith(".conv_shortcut.1", StringComparison.Ordinal) ? operation.Name[..^2]
                    : operation.Name.Contains("norm", StringComparison.Ordinal) && !operation.Name.Contains("group_norm", StringComparison.Ordinal)
                        || operation.Name.Contains(".conv1", StringComparison.Ordinal) ? "" : operation.Name;
                if (!golden.Entries.ContainsKey($"act.{name}")) return;
                Map map = maps[operation.Outputs().First()];
                var actual = new float[map.Height * map.Width * map.Channels];
                evaluator.Interpreter.Read(run, map.Name, actual);
                float[] expected = golden.ReadFloats($"act.{name}");
                for (int i = 0; i < actual.Length; i++)
                {
                    int pixel = i / map.Channels, channel = i % map.Channels;
                    float reference = expected[current * actual.Length + channel * map.Height * map.Width + pixel];
                    Assert.True(Math.Abs(reference - actual[i]) <= 5e-5f * Math.Max(1, Math.Abs(reference)), $"{name}, pixel {pixel}, channel {channel}: {actual[i]}, expected {reference}");
                }

                compared++;
            });
        }

        Assert.True(compared >= 2 * 25, $"only {compared} maps were compared");
    }

    [Fact]
    public void Tokens_are_read_in_one_rounding()
    {
        // Halfway between two singles but for a digit that a double cannot hold.
        var token = new Number("1.00000005960464477540");
        Assert.NotEqual(token.Single, (float)token.Value);
        Assert.Equal(1.00000005960464477540f, token.Single);
    }

    private static float[] Evaluate(ImportedModel model, float[] x, int[] labels, int threads, int capacity, int step = 0)
    {
        using var device = new CpuDevice(threads);
        using var evaluator = new NetworkEvaluator(model.Network, 2, model.TensorBytes([500, 20]), device, capacity);
        var epsilon = new float[x.Length];
        evaluator.Evaluate(step, InterpretedStep.Float32, x, labels, epsilon);
        return epsilon;
    }

    private static float[] Noise(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(2 * random.NextDouble() - 1))];
    }
}
