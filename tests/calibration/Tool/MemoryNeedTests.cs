using Specializer.Tests;
using Specializer.Tool;

namespace Specializer.Calibration.Tests;

/// <summary>Too little memory is said before the work, with the figure.</summary>
public class MemoryNeedTests
{
    /// <summary>Where the runtime gives less than is predicted, that is no error.</summary>
    [Theory]
    [InlineData("drawing", "--size", "sample", "TINY", "--out", "a.png", "--steps", "1")]
    [InlineData("evaluation", "--ablation none", "evaluate", "mnist", "--seeds", "0..1", "--ablation", "none")]
    [InlineData("verification", "smaller pictures", "verify", "emoji/vae")]
    [InlineData("export", "--external-data", "export", "TINY", "--onnx", "a.onnx")]
    [InlineData("drawing for int8's ranges", "--int8", "export", "TINY", "--onnx", "a.onnx", "--int8")]
    public void Each_command_warns_before_its_work(string work, string remedy, params string[] command)
    {
        using var model = new TinyNetwork();
        using var folder = new TemporaryFolder();
        string models = Path.Combine(SharedData.RepositoryRoot, "sample-app", "models");
        CommandResult result = CommandResult.Run(folder.Root, "dotnet",
            [typeof(MemoryNeed).Assembly.Location, .. command.Select(c => c == "TINY" ? model.Root : Directory.Exists(Path.Combine(models, c)) ? Path.Combine(models, c) : c), "--threads", "1"],
            new Dictionary<string, string> { ["DOTNET_GCHeapHardLimit"] = "0x18000000" }).AssertSucceeded();
        Assert.Matches($@"(?m)^warning: the {work} needs up to [0-9]+\.[0-9] GB of memory, and this computer has 0\.4 GB for it\. .*{remedy}", result.Output);
    }

    [Fact]
    public void Enough_memory_is_nothing_to_warn_of()
    {
        Assert.Null(MemoryNeed.Warning("drawing", 1_000_000_000, 1_000_000_000, "less."));
        Assert.Equal("warning: the drawing needs up to 1.1 GB of memory, and this computer has 1.0 GB for it. The system may slow it down or end it: less.",
            MemoryNeed.Warning("drawing", 1_000_000_001, 1_000_000_000, "less."));
    }

    /// <summary>The larger the picture, the more; a decoder and a text encoder count, and what the program itself takes.</summary>
    [Fact]
    public void What_drawing_takes_follows_from_shapes()
    {
        using var pipeline = new TinyPipeline();
        ImportedModel model = PipelineImporter.Load(pipeline.Root), large = PipelineImporter.Load(pipeline.Root, size: (512, 512));
        ImportedModel network = model with { Text = null, Pipeline = null, Decoder = null };
        using var device = new CpuDevice(1);
        using Float32Sampler sampler = Float32Sampler.Create(network, null, 1, null, device);
        long held = sampler.Interpreter.Layout.TotalBytes + sampler.Interpreter.Plan.BytesPerImage * Float32Sampler.CapacityOf(network.Network);
        // But for the table of one timestep.
        Assert.InRange(WorkingMemory.OfDrawing(network, 0) - WorkingMemory.Program, held - 64 * 1024, held);
        Assert.Equal(3 * 4 * 16 * 16 * 3, WorkingMemory.OfDrawing(model, 1) - WorkingMemory.OfDrawing(model, 0));
        Assert.True(WorkingMemory.OfDrawing(model, 0) > WorkingMemory.OfDrawing(network, 0));
        Assert.True(WorkingMemory.OfDrawing(large, 0) > WorkingMemory.OfDrawing(model, 0));
        Assert.True(WorkingMemory.OfInterpreting(large) > WorkingMemory.OfInterpreting(model));
    }
}
