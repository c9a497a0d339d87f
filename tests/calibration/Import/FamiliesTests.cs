using Specializer.Formats;
using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>Conditional networks and autoencoders against outputs that the reference library stored.</summary>
public class FamiliesTests
{
    [SharedTheory("golden/small-sd15", "golden/small-cond")]
    [InlineData("small-sd15", 7)]
    [InlineData("small-cond", 1)]
    public void Conditional_networks_equal_the_reference_library(string folder, int tokens)
    {
        string golden = SharedData.Golden(folder);
        using var device = new CpuDevice(2);
        IReadOnlyList<VerificationResult> results = GoldenVerification.Run(DiffusersImporter.Load(golden, tokens: tokens), Path.Combine(golden, "golden.safetensors"), device);
        Assert.All(results, r => Assert.True(r.Status != VerificationStatus.Failed, $"{r.Name}: {r.Error:E2}, tolerance {r.Tolerance:E0} {r.Note}"));
        Assert.Equal(["ddim", "ddim_eta1", "ddpm", "eps"], results.Where(r => r.Status == VerificationStatus.Passed).Select(r => r.Name).Order());
    }

    [SharedTheory("golden/vq-small", "golden/kl-small")]
    [InlineData("vq-small", "out.decode", true)]
    [InlineData("vq-small", "out.decode_not_quantized", false)]
    [InlineData("kl-small", "out.decode", true)]
    public void Decoders_equal_the_reference_library(string folder, string expected, bool quantize) =>
        Check(folder, "in.z", expected, (configuration, source, height, width) => AutoencoderImporter.Decoder(configuration, source, height, width, quantize));

    [SharedTheory("golden/vq-small", "golden/kl-small")]
    [InlineData("vq-small", "out.encode")]
    [InlineData("kl-small", "out.moments")]
    public void Encoders_equal_the_reference_library(string folder, string expected) => Check(folder, "in.image", expected, AutoencoderImporter.Encoder);

    private static void Check(string folder, string input, string output, Func<AutoencoderConfiguration, SourceTensors, int, int, ImportedNetwork> import)
    {
        string golden = SharedData.Golden(folder);
        var configuration = AutoencoderConfiguration.Read(ConfigurationReader.Open(Path.Combine(golden, "config.json")));
        using ModelWeights weights = ModelWeights.Open(golden, null, []);
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(golden, "golden.safetensors"));
        long[] from = file.Entries[input].Shape, to = file.Entries[output].Shape;
        ImportedNetwork network = import(configuration, weights.Tensors, (int)from[2], (int)from[3]);

        float[] expected = ChannelsLast(file.ReadFloats(output), to), actual = NetworkRun.Evaluate(network, ChannelsLast(file.ReadFloats(input), from), (int)from[0]);

        Assert.Equal(expected.Length, actual.Length);
        Assert.InRange(expected.Zip(actual, (a, b) => Math.Abs(a - b)).Max(), 0, 5e-5);
    }

    private static float[] ChannelsLast(float[] values, long[] shape)
    {
        int channels = (int)shape[1], pixels = (int)(shape[2] * shape[3]);
        var result = new float[values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            int image = i / (channels * pixels), channel = i / pixels % channels, pixel = i % pixels;
            result[(image * pixels + pixel) * channels + channel] = values[i];
        }

        return result;
    }
}
