using Specializer.Formats;
using Specializer.Tests;
using Specializer.Tool;

namespace Specializer.Calibration.Tests;

/// <summary>Decoders, encoders and text encoders are verified as networks are.</summary>
public class PartVerificationTests
{
    private static readonly string s_text = Path.Combine(SharedData.RepositoryRoot, "tests", "calibration", "Import", "TextEncoder");

    [SharedTheory("golden/kl-small", "golden/vq-small", "golden/taesd-small")]
    [InlineData("kl-small", "decode,moments")]
    [InlineData("vq-small", "decode,decode_not_quantized,encode")]
    [InlineData("taesd-small", "decode,encode")]
    public void Autoencoders_pass(string folder, string checks) => Check(SharedData.Golden(folder), checks);

    [Fact]
    public void Text_encoders_pass() => Check(s_text, "hidden");

    /// <summary>Its outputs were stored of the rounded weights, so that it needs no allowance for them.</summary>
    [Fact]
    public void The_emoji_autoencoder_passes_with_its_weights_in_half_precision() =>
        Check(Path.Combine(SharedData.RepositoryRoot, "sample-app", "models", "emoji", "vae"), "decode,mean", PartVerification.DefaultTolerance);

    [Fact]
    public void The_command_takes_a_part_and_says_when_a_weight_is_wrong()
    {
        using var folder = new TemporaryFolder();
        foreach (string name in (string[])["config.json", "golden.safetensors"]) File.Copy(Path.Combine(s_text, name), folder.File(name));
        var writer = new SafetensorsWriter();
        using (SafetensorsFile file = SafetensorsFile.Open(Path.Combine(s_text, "model.safetensors")))
        {
            foreach (var (name, entry) in file.Entries)
            {
                float[] values = file.ReadFloats(name);
                if (name == "text_model.final_layer_norm.bias") values[0] += 0.01f;
                writer.Add(name, values, entry.Shape);
            }
        }

        writer.Write(folder.File("model.safetensors"));
        Assert.Equal(ExitCode.Success, Verify(s_text));
        Assert.Equal(ExitCode.Failed, Verify(folder.Root));

        static int Verify(string model) => ExitCode.Of(VerifyCommand.Create().Parse([model, "--against", Path.Combine(model, "golden.safetensors")]));
    }

    [SharedFact("golden/kl-small", "golden/vq-small")]
    public void Outputs_of_another_model_are_named()
    {
        using var device = new CpuDevice(1);
        Assert.Equal("in.z", Assert.Throws<SafetensorsException>(() =>
            PartVerification.Run(SharedData.Golden("kl-small"), Path.Combine(SharedData.Golden("vq-small"), "golden.safetensors"), device)).Tensor);
        Assert.Contains("'in.ids' with 'out.hidden'", Assert.Throws<SafetensorsException>(() =>
            PartVerification.Run(s_text, Path.Combine(SharedData.Golden("vq-small"), "golden.safetensors"), device)).Message);
    }

    private static void Check(string folder, string checks, double? tolerance = null)
    {
        Assert.True(PartVerification.Recognizes(folder));
        using var device = new CpuDevice(2);
        VerifiedPart part = PartVerification.Run(folder, Path.Combine(folder, "golden.safetensors"), device, tolerance);
        Assert.Equal(checks, string.Join(',', part.Results.Select(r => r.Name)));
        Assert.All(part.Results, r => Assert.True(r.Status == VerificationStatus.Passed, $"{r.Name}: {r.Error:E2}"));
    }
}
