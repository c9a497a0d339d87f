using Specializer.Tool;

namespace Specializer.Calibration.Tests;

public class ReferenceEngineTests
{
    [Fact]
    public void The_interpreter_gives_the_kernels_bits_and_shows_every_map()
    {
        ImportedModel model = DiffusersImporter.Load(ModelFolder.Source);
        float[] timesteps = [980, 20];
        using var device = new CpuDevice(2);
        var engine = new InterpreterEngine(device);
        using IReferenceNetwork network = engine.Create(model, timesteps, capacity: 2);
        using var evaluator = new NetworkEvaluator(model.Network, timesteps.Length, model.TensorBytes(timesteps), device, capacity: 3);
        int elements = model.Height * model.Width * model.Channels;
        float[] x = [.. Enumerable.Range(0, 3 * elements).Select(i => MathF.Sin(i))], expected = new float[x.Length], actual = new float[x.Length], shown = new float[x.Length];
        evaluator.Evaluate(1, InterpretedStep.Float32, x, [0, 5, 10], expected);
        int next = 0;
        var operations = new List<string>();
        network.Evaluate(1, x, [0, 5, 10], actual, (operation, maps) =>
        {
            operations.Add(operation.Name);
            if (operation != model.Network.Operations[^1]) return;
            maps.Read(model.Network.Epsilon, shown.AsSpan(next, maps.Images * elements));
            next += maps.Images * elements;
        });
        Assert.Equal(expected, actual);
        Assert.Equal(expected, shown);
        Assert.Equal(model.Network.Operations.Concat(model.Network.Operations).Select(o => o.Name), operations);
    }

    [Fact]
    public void Without_automatic_differentiation_there_is_no_reconstruction()
    {
        using var device = new CpuDevice(1);
        string message = Assert.Throws<NotSupportedException>(() => new InterpreterEngine(device).Reconstruct(null!, default)).Message;
        Assert.Contains("'interpreter'", message);
        Assert.Contains("'torchsharp'", message);
    }

    [Fact]
    public void Learned_rounding_is_refused_before_anything_is_collected()
    {
        using var device = new CpuDevice(1);
        using var folder = new Specializer.Tests.TemporaryFolder();
        var options = new CalibrationOptions { Rounding = RoundingChoice.Reconstruct, Engine = new InterpreterEngine(device) };
        Assert.Contains("torchsharp", Assert.Throws<ArgumentException>(() => Calibrator.Run(DiffusersImporter.Load(ModelFolder.Source), options, folder.Root, device)).Message);
    }

    [Fact]
    public void A_build_without_libtorch_says_how_to_get_it()
    {
        using var device = new CpuDevice(1);
        string message = Assert.Throws<NotSupportedException>(() => EngineOption.Open("torchsharp", device, 0)).Message;
        Assert.Contains("-p:TorchBackend=libtorch-cpu-linux-x64", message);
        string golden = Path.Combine(ModelFolder.Source, "golden.safetensors");
        Assert.Equal(ExitCode.BadInput, VerifyCommand.Create().Parse([ModelFolder.Source, "--against", golden, "--engine", "torchsharp"]).Invoke());
    }

    [Fact]
    public void An_unknown_engine_is_refused() =>
        Assert.Contains("torchsharp-cuda", Assert.Single(VerifyCommand.Create().Parse([ModelFolder.Source, "--against", "x", "--engine", "tensorflow"]).Errors).Message);
}
