using Specializer.Calibration;
using Specializer.Tests;

namespace Specializer.TorchSharp.Tests;

public class TorchNetworkTests
{
    private const double Tolerance = GoldenVerification.DefaultTolerance;
    private static readonly float[] s_timesteps = [0, 20, 980];

    private static string Mnist { get; } = Path.Combine(SharedData.RepositoryRoot, "sample-app", "models", "mnist");

    [TorchFact]
    public void Every_map_of_the_repositorys_model_agrees_with_the_interpreter() => CompareMaps(DiffusersImporter.Load(Mnist), Torch.Engine());

    [TorchFact(cuda: true)]
    public void On_cuda_too() => CompareMaps(DiffusersImporter.Load(Mnist), Torch.Engine(cuda: true));

    [TorchTheory("golden/small-attn", "golden/small-class")]
    [InlineData("small-attn")]
    [InlineData("small-class")]
    public void Every_map_of_other_models_agrees_with_the_interpreter(string folder) =>
        CompareMaps(DiffusersImporter.Load(SharedData.Golden(folder)), Torch.Engine());

    [TorchTheory("golden/small-attn", "golden/small-class", "golden/small-sd15", "golden/small-cond")]
    [InlineData("small-attn")]
    [InlineData("small-class")]
    [InlineData("small-sd15")]
    [InlineData("small-cond")]
    public void Models_equal_the_reference_library(string folder)
    {
        string golden = SharedData.Golden(folder), stored = Path.Combine(golden, "golden.safetensors");
        var results = GoldenVerification.Run(DiffusersImporter.Load(golden, tokens: GoldenVerification.Tokens(stored) ?? DiffusersImporter.DefaultTokens), stored, Torch.Engine(), Tolerance);
        Assert.All(results, r => Assert.True(r.Status != VerificationStatus.Failed, $"{r.Name}: {r.Error:E2} {r.Note}"));
        Assert.Contains(results, r => r is { Name: "eps", Status: VerificationStatus.Passed });
    }

    [TorchFact]
    public void Bad_input_is_refused()
    {
        ImportedModel model = DiffusersImporter.Load(Mnist);
        int elements = model.Height * model.Width * model.Channels;
        using IReferenceNetwork network = Torch.Engine().Create(model, s_timesteps, 2);
        Assert.Contains("784", Assert.Throws<ArgumentException>(() => network.Evaluate(0, new float[elements + 1], [0], new float[elements + 1])).Message);
        Assert.Contains("0 labels for 1 image", Assert.Throws<ArgumentException>(() => network.Evaluate(0, new float[elements], [], new float[elements])).Message);
        Assert.Throws<OperationCanceledException>(() => network.Evaluate(0, new float[elements], [0], new float[elements], null, new(canceled: true)));
    }

    /// <summary>Three images through two evaluations of at most two, at each timestep.</summary>
    private static void CompareMaps(ImportedModel model, ReferenceEngine engine)
    {
        const int Images = 3;
        using var device = new CpuDevice(2);
        using IReferenceNetwork expected = new InterpreterEngine(device).Create(model, s_timesteps, 2), actual = engine.Create(model, s_timesteps, 2);
        var shapes = model.Network.Maps.ToDictionary(m => m.Name, m => m.Height * m.Width * m.Channels);
        float[] x = Inputs.Normal(Images * model.Height * model.Width * model.Channels, seed: 7);
        int[] labels = model.Classes == 0 ? [] : [.. Enumerable.Range(0, Images).Select(i => i * 5 % model.Classes)];
        for (int step = 0; step < s_timesteps.Length; step++)
        {
            var (expectedMaps, expectedEpsilon) = Evaluate(expected);
            var (actualMaps, actualEpsilon) = Evaluate(actual);
            Assert.InRange(Largest(expectedEpsilon, actualEpsilon), 0, Tolerance);
            Assert.Equal(expectedMaps.Select(m => m.Name), actualMaps.Select(m => m.Name));
            foreach (var (e, a) in expectedMaps.Zip(actualMaps))
            {
                double error = Largest(e.Values, a.Values) / Math.Max(1, e.Values.Max(Math.Abs));
                Assert.True(error <= Tolerance, $"{e.Name} at step {step}: {error:E2}");
            }

            (List<(string Name, float[] Values)> Maps, float[] Epsilon) Evaluate(IReferenceNetwork network)
            {
                var maps = new List<(string, float[])>();
                var epsilon = new float[x.Length];
                network.Evaluate(step, x, labels, epsilon, (operation, run) =>
                {
                    foreach (string output in operation.Outputs())
                    {
                        var values = new float[run.Images * shapes[output]];
                        run.Read(output, values);
                        maps.Add((output, values));
                    }
                });
                return (maps, epsilon);
            }
        }
    }

    private static double Largest(float[] a, float[] b) => a.Zip(b, (p, q) => Math.Abs((double)p - q)).Max();
}
