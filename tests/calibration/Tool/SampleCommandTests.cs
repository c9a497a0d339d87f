using System.CommandLine;
using Specializer.Formats;
using Specializer.Tests;
using Specializer.Tool;

namespace Specializer.Calibration.Tests;

/// <summary><c>specializer sample</c> with pictures as files.</summary>
public sealed class SampleCommandTests : IDisposable
{
    private readonly TinyPipeline _pipeline = new();
    private readonly TemporaryFolder _folder = new();

    public SampleCommandTests()
    {
        var random = new Random(3);
        foreach (string name in (string[])["one.png", "other.png"])
        {
            var pixels = new byte[16 * 16 * 3];
            random.NextBytes(pixels);
            PngWriter.Write(_folder.File(name), pixels, 16, 16, 3);
        }

        PngWriter.Write(_folder.File("black.png"), new byte[256], 16, 16, 1);
        PngWriter.Write(_folder.File("small.png"), new byte[64], 8, 8, 1);
        File.WriteAllText(_folder.File("text.png"), "no picture");
    }

    /// <summary>Pictures and strength matter; where a mask is black everywhere, nothing else does.</summary>
    [Fact]
    public void A_run_begins_with_a_picture()
    {
        byte[] one = Draw("a", "--image", "one.png"), other = Draw("a", "--image", "other.png"), more = Draw("a", "--image", "one.png", "--strength", "0.4");
        Assert.Equal(3, ((byte[][])[one, other, more]).Select(Convert.ToHexString).Distinct().Count());
        byte[] kept = Draw("a", "--image", "one.png", "--mask", "black.png");
        Assert.Equal(kept, Draw("b", "--image", "one.png", "--mask", "black.png"));
        Assert.NotEqual(kept, Draw("a", "--image", "other.png", "--mask", "black.png"));
    }

    [Theory]
    [InlineData("--mask", "black.png")]
    [InlineData("--strength", "0.5")]
    [InlineData("--image", "missing.png")]
    [InlineData("--image", "text.png")]
    [InlineData("--image", "small.png")]
    [InlineData("--image", "one.png", "--mask", "small.png")]
    [InlineData("--image", "one.png", "--strength", "0")]
    public void What_cannot_begin_a_run_is_refused(params string[] options)
    {
        Assert.Equal(ExitCode.BadInput, Run("a", options));
        Assert.False(File.Exists(_folder.File("out.png")));
    }

    public void Dispose()
    {
        _pipeline.Dispose();
        _folder.Dispose();
    }

    private byte[] Draw(string prompt, params string[] options)
    {
        Assert.Equal(0, Run(prompt, options));
        return File.ReadAllBytes(_folder.File("out.png"));
    }

    private int Run(string prompt, string[] options) => new RootCommand { SampleCommand.Create() }.Parse(
        ["sample", _pipeline.Root, "--out", _folder.File("out.png"), "--prompt", prompt, "--steps", "3", "--threads", "2", "--json", .. options.Select(o => o.EndsWith(".png", StringComparison.Ordinal) ? _folder.File(o) : o)]).Invoke();
}
