using System.Security.Cryptography;
using Specializer.Manifest;
using Specializer.Packing;
using Specializer.Tests;

namespace Specializer.Tasks.Tests;

public sealed class WeightsFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>What was hashed is what is packed, also beside someone who writes into the file.</summary>
    [Fact]
    public void Tensors_are_those_that_were_hashed()
    {
        TestModel model = new TestModel(_folder.Root).Write();
        using WeightsFile file = Read(model);
        File.WriteAllBytes(model.WeightsPath, new byte[new FileInfo(model.WeightsPath).Length]);

        foreach (var (name, bytes) in model.Tensors) Assert.Equal(bytes, file.Tensor(name, bytes.Length));
    }

    [Fact]
    public void Tensors_across_blocks_are_whole()
    {
        // Blocks are 16 MiB; the header puts every tensor at an odd place.
        var large = new WeightTensor("large", "I8", (1 << 24) * 2 + 5);
        var next = new WeightTensor("next", "I8", 7);
        var contents = new Dictionary<string, byte[]> { ["large"] = new byte[large.Bytes], ["next"] = [1, 2, 3, 4, 5, 6, 7] };
        new Random(1).NextBytes(contents["large"]);
        byte[] bytes = TestModel.Safetensors([large, next], contents);
        File.WriteAllBytes(_folder.File("large.safetensors"), bytes);

        using WeightsFile file = WeightsFile.Read(_folder.File("m.json"), new("large.safetensors", Convert.ToHexStringLower(SHA256.HashData(bytes)), bytes.Length),
            new Dictionary<string, WeightTensor> { ["large"] = large, ["next"] = next }, CancellationToken.None);

        Assert.Equal(contents["large"], file.Tensor("large", large.Bytes));
        Assert.Equal(contents["next"], file.Tensor("next", next.Bytes));
    }

    [Theory]
    [InlineData("elsewhere/tiny.weights.safetensors", false)]
    [InlineData("models/real.safetensors", true)]
    public void Links_lead_nowhere_but_within_the_folder(string target, bool accepted)
    {
        TestModel model = new TestModel(_folder.File("models")).Write();
        Directory.CreateDirectory(_folder.File("elsewhere"));
        File.Move(model.WeightsPath, _folder.File(target));
        // Through a second link, to see the end of the chain looked at.
        File.CreateSymbolicLink(_folder.File("models/second"), _folder.File(target));
        File.CreateSymbolicLink(model.WeightsPath, "second");

        if (accepted)
        {
            Read(model).Dispose();
            return;
        }

        var e = Assert.Throws<WeightsFileException>(() => Read(model));
        Assert.Equal(WeightsFault.Unreadable, e.Fault);
        Assert.Contains("leads out of its folder", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_to_itself_and_a_manifest_that_names_itself_are_unreadable()
    {
        TestModel model = new TestModel(_folder.Root).Write();
        File.Delete(model.WeightsPath);
        File.CreateSymbolicLink(model.WeightsPath, model.WeightsPath);
        Assert.Equal(WeightsFault.Unreadable, Assert.Throws<WeightsFileException>(() => Read(model)).Fault);

        model.EditManifest(text => text.Replace(model.WeightsFile, "Tiny.calibration.json", StringComparison.Ordinal));
        Assert.Contains("names itself", Assert.Throws<WeightsFileException>(() => Read(model)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tensors_that_are_not_there_or_have_another_length_are_named()
    {
        TestModel model = new TestModel(_folder.Root).Write();
        using WeightsFile file = Read(model);
        var (name, bytes) = model.Tensors.First();
        foreach (var (asked, length, said) in new[] { ("nobody", 1L, "holds no tensor 'nobody'"), (name, bytes.Length + 1L, $"{bytes.Length + 1L} are expected"), (name, int.MaxValue + 1L, "one tensor may have") })
        {
            var e = Assert.Throws<WeightsFileException>(() => file.Tensor(asked, length));
            Assert.Equal(WeightsFault.Tensors, e.Fault);
            Assert.Contains(said, e.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(new byte[] { 1, 2, 3 }, "has 3 bytes, too few")]
    [InlineData(new byte[] { 2, 0, 0, 0, 0, 0, 0, 0, (byte)'[', (byte)']' }, "does not start with '{'")]
    public void What_is_no_safetensors_file_is_said_to_be_none(byte[] bytes, string said)
    {
        var model = new TestModel(_folder.Root);
        model.WriteWeights(bytes);
        var e = Assert.Throws<WeightsFileException>(() => Read(model));
        Assert.Equal(WeightsFault.Format, e.Fault);
        Assert.Contains(said, e.Message, StringComparison.Ordinal);
    }

    private static WeightsFile Read(TestModel model) => WeightsFile.Read(
        model.ManifestPath, ManifestReader.Read(File.ReadAllText(model.ManifestPath)).Manifest!.Weights, WeightTensors.Of(TestModel.Network, TestModel.Steps), CancellationToken.None);
}
