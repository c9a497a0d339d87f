using Specializer.Formats;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>Text encoders of every kind beside plain loops, which are held to the stored outputs of the one kind that there are some of.</summary>
public class TextEncoderTests
{
    private const double Tolerance = 2e-5;

    [Fact]
    public void Plain_loops_equal_the_reference()
    {
        string folder = Path.Combine(SharedData.RepositoryRoot, "tests", "calibration", "Import", "TextEncoder");
        using SafetensorsFile golden = SafetensorsFile.Open(Path.Combine(folder, "golden.safetensors"));
        int texts = (int)golden.Entries["in.ids"].Shape[0];
        int[][] ids = [.. golden.ReadIntegers("in.ids").Select(id => (int)id).Chunk(golden.ReadIntegers("in.ids").Length / texts)];
        var plain = new PlainTextEncoder(folder, heads: 3, "quick_gelu");
        Near([.. ids.SelectMany(text => plain.Normal(text, 3)).SelectMany(row => row)], golden.ReadFloats("out.hidden"));
    }

    [Theory]
    [InlineData("gelu")]
    [InlineData("quick_gelu")]
    public void Encoders_with_projection_equal_plain_loops(string activation)
    {
        using TemporaryFolder folder = PlainTextEncoder.Write(activation);
        TextEncoderConfiguration configuration = TextEncoderConfiguration.Read(ConfigurationReader.Open(folder.File("config.json")));
        using ModelWeights weights = PartImporter.OpenWeights(folder.Root, text: true, []);
        var plain = new PlainTextEncoder(folder.Root, PlainTextEncoder.Heads, activation);
        int[] text = PlainTextEncoder.Text;
        float[] ids = [.. text.Select(id => (float)id)];
        double[] summary = plain.Summary(text, PlainTextEncoder.Layers);

        float[] last = NetworkRun.Evaluate(TextEncoderImporter.Import(configuration, weights.Tensors), ids, 1);
        Near([.. plain.Normal(text, PlainTextEncoder.Layers).SelectMany(row => row)], last);
        Near(summary, NetworkRun.Evaluate(TextEncoderImporter.Summary(configuration, weights.Tensors), last[(configuration.SummaryPosition(text) * PlainTextEncoder.Channels)..][..PlainTextEncoder.Channels], 1));

        // As Stable Diffusion XL reads it.
        ImportedNetwork both = TextEncoderImporter.BeforeLast(configuration, weights.Tensors, PlainTextEncoder.Positions, PlainTextEncoder.End);
        using var device = new CpuDevice(1);
        using NetworkEvaluator evaluator = both.Evaluator(device, 1);
        float[] outputs = both.Evaluate(evaluator, ids);
        Near([.. plain.Hidden(text, PlainTextEncoder.Layers - 1).SelectMany(row => row)], outputs[..^PlainTextEncoder.Projection]);
        Near(summary, outputs[^PlainTextEncoder.Projection..]);
    }

    private static void Near(double[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.InRange(expected.Zip(actual, (a, b) => Math.Abs(a - b)).Max() / expected.Max(Math.Abs), 0, Tolerance);
    }
}
