using System.Security.Cryptography;
using Specializer.Formats;
using Specializer.Manifest;
using Specializer.Packing;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

public class ArtifactTests
{
    [Fact]
    public void An_artifact_reads_back_with_its_tensors()
    {
        using var folder = new TemporaryFolder();
        var (path, written) = ArtifactWriter.Write(folder.Root, TestManifest.Quantized(), Weights(TestManifest.Quantized()));
        using CalibrationArtifact artifact = CalibrationArtifact.Open(path);
        Assert.Equal(written, artifact.Manifest);
        Assert.Equal(new FileInfo(folder.File("tiny.weights.safetensors")).Length, artifact.Manifest.Weights.Bytes);
        Assert.Equal(1f, BitConverter.ToSingle(artifact.Tensor("conv_in.scale", 16)));
    }

    [Fact]
    public void Equal_inputs_give_equal_bytes()
    {
        using TemporaryFolder a = new(), b = new();
        string first = ArtifactWriter.Write(a.Root, TestManifest.Quantized(), Weights(TestManifest.Quantized())).Path;
        string second = ArtifactWriter.Write(b.Root, TestManifest.Quantized(), Weights(TestManifest.Quantized())).Path;
        Assert.Equal(File.ReadAllBytes(first), File.ReadAllBytes(second));
        Assert.Equal(File.ReadAllBytes(a.File("tiny.weights.safetensors")), File.ReadAllBytes(b.File("tiny.weights.safetensors")));
    }

    [Fact]
    public void A_manifest_binds_what_its_own_writer_wrote_whoever_else_writes()
    {
        using var folder = new TemporaryFolder();
        Parallel.For(0, 4, writer =>
        {
            SafetensorsWriter weights = Weights(TestManifest.Quantized());
            weights.AddMetadata("writer", $"{writer}");
            using var own = new MemoryStream();
            weights.Write(own);
            string expected = Convert.ToHexStringLower(SHA256.HashData(own.ToArray()));
            for (int i = 0; i < 100; i++)
            {
                WeightsIdentity bound = ArtifactWriter.Write(folder.Root, TestManifest.Quantized(), weights).Manifest.Weights;
                Assert.Equal((expected, own.Length), (bound.Sha256, bound.Bytes));
            }
        });
    }

    [Fact]
    public void An_interrupted_calibration_leaves_no_manifest()
    {
        using var folder = new TemporaryFolder();
        ArtifactWriter.Write(folder.Root, TestManifest.Quantized(), Weights(TestManifest.Quantized()));
        // A folder in the way of the weights makes their write fail.
        File.Delete(folder.File("tiny.weights.safetensors"));
        Directory.CreateDirectory(folder.File("tiny.weights.safetensors"));
        Assert.ThrowsAny<Exception>(() => ArtifactWriter.Write(folder.Root, TestManifest.Quantized(), Weights(TestManifest.Quantized())));
        Assert.Empty(Directory.GetFiles(folder.Root));
    }

    /// <summary>A calibration for fewer schedulers than the one before it: the other manifests would name weights that are gone.</summary>
    [Fact]
    public void Older_manifests_of_the_same_weights_go_and_no_others()
    {
        using var folder = new TemporaryFolder();
        SafetensorsWriter weights = Weights(TestManifest.Quantized());
        ArtifactWriter.Write(folder.Root, "tiny", [Named("tiny-ddim"), Named("tiny-euler")], weights);
        ArtifactWriter.Write(folder.Root, Named("tiny-2"), weights);
        File.WriteAllText(folder.File("notes.calibration.json"), "none");
        ArtifactWriter.Write(folder.Root, "tiny", [Named("tiny-euler")], weights);
        Assert.Equal(["notes.calibration.json", "tiny-2.calibration.json", "tiny-euler.calibration.json"], Directory.GetFiles(folder.Root, "*.json").Select(Path.GetFileName).Order(StringComparer.Ordinal));

        static CalibrationManifest Named(string name)
        {
            CalibrationManifest manifest = TestManifest.Quantized();
            return manifest with { Model = manifest.Model with { Name = name } };
        }
    }

    [Fact]
    public void Other_weights_are_refused()
    {
        using var folder = new TemporaryFolder();
        string path = ArtifactWriter.Write(folder.Root, TestManifest.Quantized(), Weights(TestManifest.Quantized())).Path;
        string weights = folder.File("tiny.weights.safetensors");
        byte[] bytes = File.ReadAllBytes(weights);
        bytes[^1] ^= 1;
        File.WriteAllBytes(weights, bytes);
        Assert.Contains("SHA-256", Assert.Throws<ArtifactException>(() => CalibrationArtifact.Open(path)).Message, StringComparison.Ordinal);
        File.WriteAllBytes(weights, bytes[..^1]);
        Assert.Equal(weights, Assert.Throws<ArtifactException>(() => CalibrationArtifact.Open(path)).File);
    }

    /// <summary>What was verified is what is used, also beside someone who writes into the file.</summary>
    [Fact]
    public void Tensors_are_those_that_were_verified()
    {
        using var folder = new TemporaryFolder();
        string path = ArtifactWriter.Write(folder.Root, TestManifest.Quantized(), Weights(TestManifest.Quantized())).Path;
        using CalibrationArtifact artifact = CalibrationArtifact.Open(path);
        string weights = folder.File("tiny.weights.safetensors");
        File.WriteAllBytes(weights, new byte[new FileInfo(weights).Length]);
        Assert.Equal(1f, BitConverter.ToSingle(artifact.Tensor("conv_in.scale", 16)));
        Assert.Throws<ArtifactException>(() => artifact.Tensor("conv_in.scale", 15));
    }

    [Theory]
    [InlineData("norm.bias", false)]
    [InlineData("surplus", true)]
    public void Tensors_must_be_those_of_the_network(string name, bool surplus)
    {
        using var folder = new TemporaryFolder();
        SafetensorsWriter weights = Weights(TestManifest.Quantized(), omit: surplus ? null : name);
        if (surplus) weights.Add(name, new float[1], 1);
        string path = ArtifactWriter.Write(folder.Root, TestManifest.Quantized(), weights).Path;
        Assert.Contains($"'{name}'", Assert.Throws<ArtifactException>(() => CalibrationArtifact.Open(path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.NegativeInfinity)]
    public void Weights_that_no_kernel_can_use_are_an_error_of_their_file(float value)
    {
        using var folder = new TemporaryFolder();
        SafetensorsWriter weights = Weights(TestManifest.Quantized(), omit: "norm.bias");
        weights.Add("norm.bias", Enumerable.Repeat(value, 4).ToArray(), 4);
        string path = ArtifactWriter.Write(folder.Root, TestManifest.Quantized(), weights).Path;
        var e = Assert.Throws<ArtifactException>(() => CalibrationArtifact.Open(path));
        Assert.Equal(folder.File("tiny.weights.safetensors"), e.File);
        Assert.Contains("'norm.bias'", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_bad_manifest_is_located()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("m.calibration.json"), ManifestWriter.Write(TestManifest.Quantized()).Replace("\"levels\": [255, 15]", "\"levels\": [255, 16]", StringComparison.Ordinal));
        var e = Assert.Throws<ArtifactException>(() => CalibrationArtifact.Open(folder.File("m.calibration.json")));
        Assert.Matches(@"\(\d+,\d+\): SPZ\d{3}", e.Message);
    }

    /// <summary>Tensors that a manifest's network asks for, made of ones.</summary>
    internal static SafetensorsWriter Weights(CalibrationManifest manifest, string? omit = null)
    {
        var writer = new SafetensorsWriter();
        foreach (WeightTensor tensor in WeightTensors.Of(manifest.Network, manifest.Steps.Count).Values.Where(t => t.Name != omit))
        {
            long[] shape = [.. tensor.Shape];
            int count = (int)shape.Aggregate(1L, (a, b) => a * b);
            switch (tensor.Type)
            {
                case "F32": writer.Add(tensor.Name, Enumerable.Repeat(1f, count).ToArray(), shape); break;
                case "I8": writer.Add(tensor.Name, Enumerable.Range(0, count).Select(i => (sbyte)(i % 7 - 3)).ToArray(), shape); break;
                default: writer.Add(tensor.Name, Enumerable.Range(0, count).Select(i => (byte)(0x31 + i % 3)).ToArray(), shape); break;
            }
        }

        return writer;
    }
}
