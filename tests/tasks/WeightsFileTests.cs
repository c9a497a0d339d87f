using System.Security.Cryptography;
using Specializer.Manifest;
using Specializer.Packing;
using Specializer.Tests;

namespace Specializer.Tasks.Tests;

public sealed class WeightsFileTests : IDisposable
{
    private const string HowToFix = "Copy manifest and weights file together from where they were calibrated, or calibrate again.";

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
        // Blocks are 1 MiB; the header puts every tensor at an odd place.
        var large = new WeightTensor("large", "I8", (1 << 20) * 2 + 5);
        var next = new WeightTensor("next", "I8", 7);
        var contents = new Dictionary<string, byte[]> { ["large"] = new byte[large.Bytes], ["next"] = [1, 2, 3, 4, 5, 6, 7] };
        new Random(1).NextBytes(contents["large"]);
        byte[] bytes = TestModel.Safetensors([large, next], contents);
        File.WriteAllBytes(_folder.File("large.safetensors"), bytes);

        using WeightsFile file = WeightsFile.Read(_folder.File("m.json"), new("large.safetensors", Convert.ToHexStringLower(SHA256.HashData(bytes)), bytes.Length),
            new Dictionary<string, WeightTensor> { ["large"] = large, ["next"] = next }, CancellationToken.None);

        Assert.Equal(contents["large"], file.Tensor("large", large.Bytes));
        Assert.Equal(contents["next"], file.Tensor("next", next.Bytes));

        bytes[1 << 19] ^= 1;
        File.WriteAllBytes(_folder.File("large.safetensors"), bytes);
        Assert.Equal(contents["next"], file.Tensor("next", next.Bytes));
        Changed(WeightsFault.Hash, "The weights file 'large.safetensors' was written to while it was read.");
        File.WriteAllBytes(_folder.File("large.safetensors"), bytes[..(1 << 19)]);
        Changed(WeightsFault.Unreadable, "The weights file 'large.safetensors' cannot be read beside the manifest: 'large.safetensors' became shorter while it was read.");
        // No block is left over from a failed read.
        Changed(WeightsFault.Unreadable, "The weights file 'large.safetensors' cannot be read beside the manifest: 'large.safetensors' became shorter while it was read.");
        Assert.Throws<WeightsFileException>(() => file.Tensor("next", next.Bytes));

        void Changed(WeightsFault fault, string said)
        {
            var e = Assert.Throws<WeightsFileException>(() => file.Tensor("large", large.Bytes));
            Assert.Equal((fault, $"{said} {HowToFix}"), (e.Fault, e.Message));
        }
    }

    /// <summary>What was hashed is at hand: of one block, no byte is read twice.</summary>
    [Theory]
    [InlineData((1 << 20) - 1)]
    [InlineData(1 << 20)]
    public void A_file_of_one_block_is_read_once(int length)
    {
        int header = Safetensors(length).Length - length;
        byte[] bytes = Safetensors(length - header);
        Assert.Equal(length, bytes.Length);
        File.WriteAllBytes(_folder.File("block.safetensors"), bytes);
        using var disk = new FaultyDisk();
        using WeightsFile file = WeightsFile.Read(_folder.File("m.json"), new("block.safetensors", Convert.ToHexStringLower(SHA256.HashData(bytes)), length),
            new Dictionary<string, WeightTensor> { ["all"] = Tensor(length - header) }, CancellationToken.None);
        // Opened, and read in two pieces, for a read gives less here than was asked for.
        Assert.Equal(3, disk.Operations);

        static WeightTensor Tensor(int values) => new("all", "I8", values);

        static byte[] Safetensors(int values) => TestModel.Safetensors([Tensor(values)], new Dictionary<string, byte[]> { ["all"] = new byte[values] });
    }

    [Fact]
    public void A_copy_has_the_bytes_that_were_hashed()
    {
        TestModel model = new TestModel(_folder.Root).Write();
        using WeightsFile file = Read(model);
        using var copy = new MemoryStream();
        file.CopyTo(copy);
        Assert.Equal(File.ReadAllBytes(model.WeightsPath), copy.ToArray());
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

        Refuse(model, WeightsFault.Unreadable, $"The weights file '{model.WeightsFile}' is a symbolic link that leads out of its folder, to {MessageText.Quote(_folder.File(target))}. Copy the file itself beside the manifest.");
    }

    [Fact]
    public void A_link_to_itself_and_a_manifest_that_names_itself_are_unreadable()
    {
        TestModel model = new TestModel(_folder.Root).Write();
        File.Delete(model.WeightsPath);
        File.CreateSymbolicLink(model.WeightsPath, model.WeightsPath);
        Assert.Equal(WeightsFault.Unreadable, Assert.Throws<WeightsFileException>(() => Read(model)).Fault);

        model.EditManifest(text => text.Replace(model.WeightsFile, "Tiny.calibration.json", StringComparison.Ordinal));
        Refuse(model, WeightsFault.Unreadable, $"The manifest names itself, 'Tiny.calibration.json', as its weights file. {HowToFix}");
    }

    [Fact]
    public void Tensors_that_are_not_there_or_have_another_length_are_named()
    {
        TestModel model = new TestModel(_folder.Root).Write();
        using WeightsFile file = Read(model);
        var (name, bytes) = model.Tensors.First();
        foreach (var (asked, length, said) in new[]
        {
            ("nobody", 1L, $"The weights file '{model.WeightsFile}' holds no tensor 'nobody'. Calibrate again."),
            (name, bytes.Length + 1L, $"The tensor '{name}' of '{model.WeightsFile}' has {bytes.Length} bytes, {bytes.Length + 1} are expected. Calibrate again."),
            (name, int.MaxValue, $"The tensor '{name}' of '{model.WeightsFile}' has {bytes.Length} bytes, 2147483647 are expected. Calibrate again."),
            (name, int.MaxValue + 1L, $"The tensor '{name}' of '{model.WeightsFile}' has 2147483648 bytes; one tensor may have 2147483647. Use fewer bits."),
        })
        {
            var e = Assert.Throws<WeightsFileException>(() => file.Tensor(asked, length));
            Assert.Equal(WeightsFault.Tensors, e.Fault);
            Assert.Equal(said, e.Message);
        }
    }

    [Fact]
    public void A_file_that_is_missing_longer_or_changed_is_said_to_be_so()
    {
        TestModel model = new TestModel(_folder.Root).Write();
        byte[] whole = File.ReadAllBytes(model.WeightsPath);
        foreach (byte[] other in (byte[][])[[.. whole, 0], whole[..^1]])
        {
            File.WriteAllBytes(model.WeightsPath, other);
            Refuse(model, WeightsFault.Length,
                $"The weights file '{model.WeightsFile}' has {other.Length} bytes; the manifest was written for one of {whole.Length}: it is truncated, a Git LFS pointer that was not pulled, or belongs to another manifest. {HowToFix}");
        }

        whole[^1] ^= 1;
        File.WriteAllBytes(model.WeightsPath, whole);
        Refuse(model, WeightsFault.Hash, $"The weights file '{model.WeightsFile}' has the SHA-256 {Convert.ToHexStringLower(SHA256.HashData(whole))}: it is damaged or belongs to another manifest. {HowToFix}");
        File.Delete(model.WeightsPath);
        var e = Assert.Throws<WeightsFileException>(() => Read(model));
        Assert.Equal(WeightsFault.Unreadable, e.Fault);
        Assert.StartsWith($"The weights file '{model.WeightsFile}' cannot be read beside the manifest: ", e.Message, StringComparison.Ordinal);
        Assert.EndsWith($". {HowToFix}", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tensors_of_another_network_are_named()
    {
        TestModel model = new TestModel(_folder.Root).Write();
        IReadOnlyDictionary<string, WeightTensor> own = WeightTensors.Of(TestModel.Network, TestModel.Steps);
        WeightTensor first = own.Values.First(t => t.Shape.Count > 1);
        string shape = string.Join(", ", first.Shape), other = first.Type == "F32" ? "F16" : "F32";
        Said([.. own.Values, new("more", "F32", 2, 3)], "misses the tensor 'more', F32 [2, 3], which the network needs.");
        Said([.. own.Values.Where(t => t != first)], $"holds the tensor '{first.Name}', which no operation of the network uses.");
        Said([.. own.Values.Where(t => t != first), new(first.Name, other, [.. first.Shape])], $"holds the tensor '{first.Name}' as {first.Type} [{shape}]; the network needs {other} [{shape}].");
        Said([.. own.Values.Where(t => t != first), new(first.Name, first.Type, [.. first.Shape, 1])], $"holds the tensor '{first.Name}' as {first.Type} [{shape}]; the network needs {first.Type} [{shape}, 1].");

        void Said(WeightTensor[] expected, string what)
        {
            var e = Assert.Throws<WeightsFileException>(() => Read(model, expected.ToDictionary(t => t.Name)));
            Assert.Equal((WeightsFault.Tensors, $"The weights file '{model.WeightsFile}' {what} Manifest and weights do not come from the same calibration: calibrate again."), (e.Fault, e.Message));
        }
    }

    /// <summary>Looked at before each block: a task that is to end reads no more.</summary>
    [Fact]
    public void Reading_is_cancelled()
    {
        TestModel model = new TestModel(_folder.Root).Write();
        Assert.Throws<OperationCanceledException>(() => WeightsFile.Read(model.ManifestPath, ManifestReader.Read(File.ReadAllText(model.ManifestPath)).Manifest!.Weights, WeightTensors.Of(TestModel.Network, TestModel.Steps), new(canceled: true)));
    }

    [Fact]
    public void What_is_no_safetensors_file_is_said_to_be_none()
    {
        const string Whole = """{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,2]}}""";
        foreach (var (bytes, said) in new[]
        {
            ([], "has 0 bytes, too few for a safetensors file"),
            ([1, 2, 3], "has 3 bytes, too few for a safetensors file"),
            (TestModel.Safetensors("[]", []), "the header does not start with '{': this is no safetensors file"),
            (TestModel.Safetensors(Whole, [1, 2]), "tensor 'a': shape [3] of U8 takes 3 bytes, but its offsets span 2"),
        })
        {
            var model = new TestModel(_folder.Root);
            model.WriteWeights(bytes);
            Refuse(model, WeightsFault.Format, $"'{model.WeightsFile}' is not a valid safetensors file: {said}. Calibrate again.");
        }
    }

    private static void Refuse(TestModel model, WeightsFault fault, string message)
    {
        var e = Assert.Throws<WeightsFileException>(() => Read(model));
        Assert.Equal((fault, message), (e.Fault, e.Message));
    }

    private static WeightsFile Read(TestModel model, IReadOnlyDictionary<string, WeightTensor>? expected = null) => WeightsFile.Read(
        model.ManifestPath, ManifestReader.Read(File.ReadAllText(model.ManifestPath)).Manifest!.Weights, expected ?? WeightTensors.Of(TestModel.Network, TestModel.Steps), CancellationToken.None);
}
