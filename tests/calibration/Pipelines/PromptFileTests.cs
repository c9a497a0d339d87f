using Specializer.Tests;

namespace Specializer.Calibration.Tests;

public class PromptFileTests
{
    [Fact]
    public void Lines_are_prompts()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("prompts.txt"), "\uFEFFred heart\r\n\n  pizza \nred heart\n");
        Assert.Equal(["red heart", "pizza", "red heart"], PromptFile.Read(folder.File("prompts.txt")));
    }

    [Theory]
    [InlineData(new byte[] { 10, 32, 10 }, "holds no prompt")]
    [InlineData(new byte[] { 0xC3, 10 }, "not UTF-8")]
    public void What_holds_no_prompts_is_named(byte[] bytes, string why)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("prompts.txt"), bytes);
        string message = Assert.Throws<InvalidDataException>(() => PromptFile.Read(folder.File("prompts.txt"))).Message;
        Assert.StartsWith(folder.File("prompts.txt"), message, StringComparison.Ordinal);
        Assert.Contains(why, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Inspection_reads_the_whole_pipeline_where_it_is_there()
    {
        using var pipeline = new TinyPipeline();
        ModelInspection whole = ModelInspection.Of(pipeline.Root);
        Assert.Empty(whole.Refused);
        Assert.Equal(["text_encoder", "", "decoder"], whole.Networks.Select(n => n.Name));
        Assert.Equal(whole.Layers.Sum(l => l.MultiplyAccumulates), whole.Networks.Sum(n => n.MultiplyAccumulates));
        Assert.Contains(whole.Layers, l => l.Name == "decoder.post_quant_conv");
        Directory.Delete(pipeline.File("vae"), recursive: true);
        ModelInspection part = ModelInspection.Of(pipeline.Root);
        Assert.Contains(part.Refused, r => r.Key == "vae");
        Assert.Contains(part.Notes, n => n.Contains("do not become pictures", StringComparison.Ordinal));
    }
}
