using Specializer.Calibration.Export;
using Specializer.Tests;
using Specializer.Tool;

namespace Specializer.Calibration.Tests;

/// <summary><c>export</c> knows before the work what it writes, and refuses a disk without that room.</summary>
public sealed class ExportRoomTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_network(bool apart) => Check(Bytes(int8: false), apart ? [ModelFolder.Source, "--external-data"] : [ModelFolder.Source]);

    [Theory]
    [InlineData(PipelinePart.Decoder)]
    [InlineData(PipelinePart.TextEncoder)]
    public void A_part(PipelinePart part)
    {
        string emoji = Path.Combine(ModelFolder.Source, "..", "emoji");
        Check(OnnxPartExport.Bytes(emoji, part, 8, part == PipelinePart.TextEncoder ? 0 : 8, 0, int8: false), [emoji, "--part", $"{part}", "--height", "8", "--width", "8"]);
    }

    [Fact]
    public void Integers() => Check(Bytes(int8: true), [ModelFolder.Source, "--int8"]);

    private void Check(long bytes, string[] arguments)
    {
        Assert.Equal(2, Export(bytes - 1, arguments));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Root));
        Assert.Equal(0, Export(bytes, arguments));
        // The rest is the graph.
        Assert.InRange(Directory.EnumerateFiles(_folder.Root).Sum(f => new FileInfo(f).Length), bytes, bytes + bytes / 10);
    }

    private int Export(long room, params string[] arguments)
    {
        using var disk = new FaultyDisk(room: room);
        return ExitCode.Of(ExportCommand.Create().Parse([.. arguments, "--onnx", _folder.File("model.onnx"), "--threads", "1"]));
    }

    private static long Bytes(bool int8)
    {
        ImportedModel model = DiffusersImporter.Load(ModelFolder.Source);
        return OnnxExport.Bytes(model.Network, model.Scheduler.TrainTimesteps, int8);
    }
}
