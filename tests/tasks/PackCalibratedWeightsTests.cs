using System.Security.Cryptography;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;
using Specializer.Manifest;
using Specializer.Packing;
using Specializer.Tests;

namespace Specializer.Tasks.Tests;

public sealed class PackCalibratedWeightsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FakeBuildEngine _engine = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Packs_the_weights_under_the_name_of_their_key()
    {
        TestModel model = new TestModel(_folder.Root).Write();

        PackCalibratedWeights task = CreateTask([Item(model.ManifestPath)]);
        Assert.True(task.Execute());

        byte[] packed = File.ReadAllBytes(_folder.File("obj/embed/" + model.ResourceName));
        using var expected = new MemoryStream();
        WeightPacker.Pack(TestModel.Network, TestModel.Steps, (name, _) => model.Tensors[name], model.Key, expected);
        Assert.Equal(expected.ToArray(), packed);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData([.. packed.Chunk(1 << 20).SelectMany(SHA256.HashData)])), Assert.Single(task.PackedWeights).GetMetadata("Digest"));
        Assert.Single(Directory.GetFiles(_folder.File("obj"), "*", SearchOption.AllDirectories));
    }

    [Fact]
    public void Blobs_above_the_limit_go_beside_the_program()
    {
        TestModel model = new TestModel(_folder.Root).Write();
        long bytes = new WeightLayout(TestModel.Network, TestModel.Steps).TotalBytes;

        Assert.True(Run([Item(model.ManifestPath)], bytes));
        Assert.True(File.Exists(_folder.File("obj/embed/" + model.ResourceName)));

        Assert.True(Run([Item(model.ManifestPath)], bytes - 1));
        byte[] packed = File.ReadAllBytes(_folder.File("obj/beside/" + model.ResourceName));
        Assert.False(File.Exists(_folder.File("obj/embed/" + model.ResourceName)));
        string list = _folder.File("obj/embed/" + model.ResourceName + ".chunks");
        Assert.Equal([.. packed.Chunk(1 << 20).SelectMany(SHA256.HashData)], File.ReadAllBytes(list));

        Assert.True(Run([Item(model.ManifestPath)], bytes));
        Assert.False(File.Exists(list));
    }

    [Fact]
    public void Blobs_of_removed_manifests_are_deleted()
    {
        TestModel first = new TestModel(_folder.Root, "first").Write(), second = new TestModel(_folder.Root, "second", seed: 2).Write();
        Assert.True(Run(Item(first.ManifestPath), Item(second.ManifestPath)));

        Assert.True(Run(Item(second.ManifestPath)));

        Assert.Equal([_folder.File("obj/embed/" + second.ResourceName)], Directory.GetFiles(_folder.File("obj/embed")));
    }

    [Fact]
    public void Manifests_with_equal_weights_share_one_blob_and_others_do_not()
    {
        TestModel one = new TestModel(_folder.File("one")).Write(), same = new TestModel(_folder.File("two")).Write(), other = new TestModel(_folder.Root, "other", seed: 2).Write();
        same.EditManifest(text => text.Replace("\"meanCorrection\": \"divide\"", "\"meanCorrection\": \"off\"", StringComparison.Ordinal));
        PackCalibratedWeights task = CreateTask([Item(one.ManifestPath), Item(same.ManifestPath), Item(other.ManifestPath)]);

        Assert.True(task.Execute());

        Assert.Equal([one.ResourceName, other.ResourceName], task.PackedWeights.Select(w => w.GetMetadata("LogicalName")));
        Assert.Equal(2, Directory.GetFiles(_folder.File("obj/embed")).Length);

        File.Delete(same.WeightsPath);
        Fail(Item(same.ManifestPath), "SPZ104", Item(one.ManifestPath));
    }

    /// <summary>What a calibration for several solvers writes.</summary>
    [Fact]
    public void Manifests_of_several_solvers_share_one_blob()
    {
        TestModel one = new TestModel(_folder.Root).Write();
        const string embedding = "\"vectors\": 5";
        WeightTensor[] tensors = [.. WeightTensors.Of(TestModel.Network with { Embedding = TestModel.Network.Embedding with { Rows = 5 } }, TestModel.Steps).Values];
        one.Tensors["embedding.vectors"] = new byte[5 * 5 * 4];
        one.WriteWeights(TestModel.Safetensors(tensors, one.Tensors));
        one.EditManifest(text => text.Replace(embedding, $"{embedding}, \"rows\": 5", StringComparison.Ordinal));
        string second = _folder.File("second.calibration.json");
        File.WriteAllText(second, File.ReadAllText(one.ManifestPath).Replace("\"rows\": 5", "\"rows\": 5, \"firstRow\": 3", StringComparison.Ordinal));

        PackCalibratedWeights task = CreateTask([Item(one.ManifestPath), Item(second)]);

        Assert.True(task.Execute());
        Assert.Single(task.PackedWeights);
        Assert.Single(Directory.GetFiles(_folder.File("obj/embed")));
    }

    [Fact]
    public void Mistakes_in_the_manifest_are_left_to_the_generator()
    {
        TestModel model = new TestModel(_folder.Root).Write();
        string text = File.ReadAllText(model.ManifestPath);
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        foreach (byte[] bytes in new byte[][]
                 {
                     Encoding.UTF8.GetBytes(text.Replace("\"steps\"", "\"stops\"", StringComparison.Ordinal)),
                     [],
                     [.. Encoding.UTF8.GetPreamble(), .. utf8],
                     [.. utf8, 0xE4],
                     [.. Encoding.Unicode.GetPreamble(), .. Encoding.Unicode.GetBytes(text)],
                 })
        {
            File.WriteAllBytes(model.ManifestPath, bytes);

            Assert.True(Run(Item(model.ManifestPath)));

            Assert.Empty(_engine.Errors);
            Assert.False(Directory.Exists(_folder.File("obj")));
        }
    }

    [Fact]
    public void A_cancelled_task_packs_nothing()
    {
        TestModel model = new TestModel(_folder.Root).Write();
        PackCalibratedWeights task = CreateTask([Item(model.ManifestPath)]);
        task.Cancel();

        Assert.False(task.Execute());

        Assert.Empty(_engine.Errors);
        Assert.False(Directory.Exists(_folder.File("obj")));
    }

    [Fact]
    public void SPZ101_missing_manifest()
    {
        BuildErrorEventArgs error = Fail(Item(_folder.File("absent.calibration.json")), "SPZ101");

        Assert.Contains("absent.calibration.json", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SPZ101_a_folder_for_a_manifest()
    {
        Assert.Contains(_folder.File("*.calibration.json"), Fail(Item(_folder.Root), "SPZ101").Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Class", "ClassName")]
    [InlineData("Clasname", "ClassName")]
    [InlineData("RootNamespace", "Namespace")]
    [InlineData("accesibility", "Accessibility")]
    [InlineData("classname", null)]
    [InlineData("Link", null)]
    [InlineData("DependentUpon", null)]
    [InlineData("CopyToOutputDirectory", null)]
    public void SPZ115_misspelt_metadata(string name, string? meant)
    {
        TestModel model = new TestModel(_folder.Root).Write();
        TaskItem item = Item(model.ManifestPath);
        item.SetMetadata(name, "X");

        Assert.True(Run(item));

        Assert.Equal(meant is null ? [] : ["SPZ115"], _engine.Warnings.Select(w => w.Code));
        if (meant is not null) Assert.Contains($"did you mean '{meant}'?", _engine.Warnings[0].Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Namespace", "A;B")]
    [InlineData("ClassName", "C#")]
    [InlineData("Accessibility", "public\n")]
    public void SPZ102_unusable_item(string metadata, string value)
    {
        TestModel model = new TestModel(_folder.Root).Write();
        TaskItem item = Item(model.ManifestPath);
        item.SetMetadata(metadata, value);

        Fail(item, "SPZ102");
    }

    [Fact]
    public void SPZ103_a_manifest_listed_twice()
    {
        TestModel model = new TestModel(_folder.Root).Write();

        Fail(Item(model.ManifestPath), "SPZ103", Item(model.ManifestPath));
    }

    [Fact]
    public void SPZ104_missing_weights_are_reported_at_their_name()
    {
        TestModel model = new TestModel(_folder.Root).Write();
        File.Delete(model.WeightsPath);
        AssertAt(Fail(Item(model.ManifestPath), "SPZ104"), model, $"\"{model.WeightsFile}\"");

        Directory.CreateDirectory(model.WeightsPath);
        AssertAt(Fail(Item(model.ManifestPath), "SPZ104"), model, $"\"{model.WeightsFile}\"");
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public void SPZ105_truncated_or_oversized_weights_are_reported_at_their_length(int difference)
    {
        TestModel model = new TestModel(_folder.Root).Write();
        byte[] file = File.ReadAllBytes(model.WeightsPath);
        Array.Resize(ref file, file.Length + difference);
        File.WriteAllBytes(model.WeightsPath, file);

        AssertAt(Fail(Item(model.ManifestPath), "SPZ105"), model, (file.Length - difference).ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public void SPZ106_other_weights_are_reported_at_their_hash()
    {
        TestModel model = new TestModel(_folder.Root).Write();
        byte[] file = File.ReadAllBytes(model.WeightsPath);
        string sha256 = Convert.ToHexStringLower(SHA256.HashData(file));
        file[^1] ^= 1;
        File.WriteAllBytes(model.WeightsPath, file);

        AssertAt(Fail(Item(model.ManifestPath), "SPZ106"), model, $"\"{sha256}\"");
    }

    [Fact]
    public void SPZ107_weights_that_are_not_safetensors()
    {
        TestModel model = new TestModel(_folder.Root).Write();
        model.WriteWeights(new byte[4]);

        AssertAt(Fail(Item(model.ManifestPath), "SPZ107"), model, $"\"{model.WeightsFile}\"");
    }

    [Fact]
    public void Metadata_of_the_weights_may_be_null()
    {
        TestModel model = new TestModel(_folder.Root).Write();
        byte[] file = File.ReadAllBytes(model.WeightsPath);
        int length = (int)BitConverter.ToInt64(file);
        string header = Encoding.UTF8.GetString(file, 8, length);
        model.WriteWeights(TestModel.Safetensors(header.Replace("""{"format":"pt"}""", "null", StringComparison.Ordinal), file[(8 + length)..]));
        Assert.Contains("\"__metadata__\":null", File.ReadAllText(model.WeightsPath), StringComparison.Ordinal);

        Assert.True(Run(Item(model.ManifestPath)));
    }

    [Fact]
    public void Pipes_in_place_of_files_are_reported_and_nobody_waits()
    {
        if (!OperatingSystem.IsLinux()) return;
        TestModel model = new TestModel(_folder.Root).Write();
        MakePipe(model.WeightsPath);
        AssertAt(Fail(Item(model.ManifestPath), "SPZ104"), model, $"\"{model.WeightsFile}\"");
        MakePipe(model.ManifestPath);
        Fail(Item(model.ManifestPath), "SPZ101");

        static void MakePipe(string path)
        {
            File.Delete(path);
            using var make = System.Diagnostics.Process.Start("mkfifo", path);
            make.WaitForExit();
        }
    }

    [Theory]
    [InlineData("missing", "misses the tensor 'conv_in.bias', F32 [4]")]
    [InlineData("shape", "holds the tensor 'conv_in.bias' as F32 [2, 2]; the network needs F32 [4]")]
    [InlineData("type", "holds the tensor 'conv_in.weight' as U8 [4, 3, 3, 1]; the network needs I8 [4, 3, 3, 1]")]
    [InlineData("extra", "holds the tensor 'conv_extra.bias'")]
    public void SPZ108_weights_of_another_network(string change, string expected)
    {
        TestModel model = new TestModel(_folder.Root).Write();
        List<WeightTensor> tensors = [.. WeightTensors.Of(TestModel.Network, TestModel.Steps).Values];
        switch (change)
        {
            case "missing":
                tensors.RemoveAll(t => t.Name == "conv_in.bias");
                break;
            case "shape":
                tensors[tensors.FindIndex(t => t.Name == "conv_in.bias")] = new("conv_in.bias", "F32", 2, 2);
                break;
            case "type":
                tensors[tensors.FindIndex(t => t.Name == "conv_in.weight")] = new("conv_in.weight", "U8", 4, 3, 3, 1);
                break;
            default:
                tensors.Add(new("conv_extra.bias", "F32", 1));
                model.Tensors["conv_extra.bias"] = new byte[4];
                break;
        }

        model.WriteWeights(TestModel.Safetensors(tensors, model.Tensors));

        BuildErrorEventArgs error = Fail(Item(model.ManifestPath), "SPZ108");
        AssertAt(error, model, $"\"{model.WeightsFile}\"");
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SPZ109_weights_out_of_range()
    {
        TestModel model = new TestModel(_folder.Root).Write();
        model.Tensors["conv_mid.scale"].AsSpan(8, 4).Fill(0xFF);
        model.WriteWeights(TestModel.Safetensors(WeightTensors.Of(TestModel.Network, TestModel.Steps).Values, model.Tensors));

        BuildErrorEventArgs error = Fail(Item(model.ManifestPath), "SPZ109");
        AssertAt(error, model, $"\"{model.WeightsFile}\"");
        Assert.Contains("'conv_mid.scale' holds a scale at element 2", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_folder.File("obj"), "*", SearchOption.AllDirectories));
    }

    [Fact]
    public void SPZ110_weights_that_cannot_be_written()
    {
        TestModel model = new TestModel(_folder.Root).Write();
        File.WriteAllText(_folder.File("obj"), "a file where a folder is needed");

        Fail(Item(model.ManifestPath), "SPZ110");
    }

    [Fact]
    public void SPZ110_too_little_room_is_said_before_the_work()
    {
        TestModel model = new TestModel(_folder.Root).Write();
        long bytes = new WeightLayout(TestModel.Network, TestModel.Steps).TotalBytes;
        BuildErrorEventArgs error;
        using (new FaultyDisk(room: bytes - 1)) error = Fail(Item(model.ManifestPath), "SPZ110");
        AssertAt(error, model, $"\"{model.WeightsFile}\"");
        Assert.Contains(FormattableString.Invariant($"takes {bytes:N0} bytes"), error.Message, StringComparison.Ordinal);
        Assert.Contains(FormattableString.Invariant($"has room for {bytes - 1:N0}. Free 1 bytes"), error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder.File("obj")));

        using (new FaultyDisk(room: bytes)) Assert.True(Run(Item(model.ManifestPath)));
    }

    [Fact]
    public void Every_faulty_manifest_is_reported_and_none_hides_the_others()
    {
        TestModel first = new TestModel(_folder.Root, "first").Write(), second = new TestModel(_folder.Root, "second").Write(), third = new TestModel(_folder.Root, "third").Write();
        File.Delete(first.WeightsPath);
        File.Delete(third.WeightsPath);

        Assert.False(Run(Item(first.ManifestPath), Item(second.ManifestPath), Item(third.ManifestPath)));

        Assert.Equal([first.ManifestPath, third.ManifestPath], _engine.Errors.Select(e => e.File));
    }

    [Theory]
    [InlineData("file:///packages/docs/", "file:///packages/docs/SPZ104.md")]
    [InlineData("", "")]
    public void An_error_names_its_page(string help, string page)
    {
        TestModel model = new TestModel(_folder.Root).Write();
        File.Delete(model.WeightsPath);
        PackCalibratedWeights task = CreateTask([Item(model.ManifestPath)]);
        task.Help = help;
        Assert.False(task.Execute());
        Assert.Equal(page, Assert.Single(_engine.Errors).HelpLink);
    }

    [Fact]
    public void Every_id_is_documented_and_tested()
    {
        foreach (string id in typeof(DiagnosticId).GetFields().Select(f => (string)f.GetRawConstantValue()!))
        {
            Assert.Contains(typeof(PackCalibratedWeightsTests).GetMethods(), m => m.Name.StartsWith(id, StringComparison.Ordinal));
            string page = File.ReadAllText(Path.Combine(SharedData.RepositoryRoot, "docs", "diagnostics", $"{id}.md"));
            Assert.StartsWith($"# {id}: ", page, StringComparison.Ordinal);
            Assert.Contains("\nCause: ", page, StringComparison.Ordinal);
            Assert.Contains("\nFix: ", page, StringComparison.Ordinal);
        }
    }

    private static TaskItem Item(string manifest) => new(manifest);

    private bool Run(params ITaskItem[] manifests) => CreateTask(manifests).Execute();

    private bool Run(ITaskItem[] manifests, long embedLimit)
    {
        PackCalibratedWeights task = CreateTask(manifests);
        task.EmbedLimit = embedLimit;
        return task.Execute();
    }

    private PackCalibratedWeights CreateTask(ITaskItem[] manifests) =>
        new() { BuildEngine = _engine, Manifests = manifests, Folder = new TaskItem(_folder.File("obj")) };

    private BuildErrorEventArgs Fail(ITaskItem item, string id, params ITaskItem[] before)
    {
        _engine.Errors.Clear();
        Assert.False(Run([.. before, item]));
        BuildErrorEventArgs error = Assert.Single(_engine.Errors);
        Assert.Equal(id, error.Code);
        Assert.Equal("specializer", error.Subcategory);
        return error;
    }

    /// <summary>Asserts that the error underlines this text of the manifest.</summary>
    private static void AssertAt(BuildErrorEventArgs error, TestModel model, string text)
    {
        Assert.Equal(model.ManifestPath, error.File);
        Assert.Equal(error.LineNumber, error.EndLineNumber);
        string line = File.ReadAllLines(model.ManifestPath)[error.LineNumber - 1];
        Assert.Equal(text, line[(error.ColumnNumber - 1)..(error.EndColumnNumber - 1)]);
    }
}
