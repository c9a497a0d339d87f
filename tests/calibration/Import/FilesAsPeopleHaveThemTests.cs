using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Specializer.Formats;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>Weights under other names, in several files, or in files that are something else.</summary>
public class FilesAsPeopleHaveThemTests
{
    [Theory]
    [InlineData("diffusion_pytorch_model.fp16.safetensors")]
    [InlineData("diffusion_pytorch_model.non_ema.safetensors")]
    [InlineData("model.safetensors")]
    [InlineData("mine.safetensors")]
    public void Weights_under_another_name_are_read_and_said(string name)
    {
        using var folder = new ModelFolder();
        File.Move(folder.Weights, Path.Combine(folder.Root, name));
        ImportedModel model = DiffusersImporter.Load(folder.Root);
        Assert.Equal(DiffusersImporter.Load(ModelFolder.Source).Sha256, model.Sha256);
        Assert.Contains(model.Notes, n => n.Contains(name, StringComparison.Ordinal));
    }

    [Fact]
    public void The_usual_name_comes_first_and_needs_no_word()
    {
        using var folder = new ModelFolder();
        File.WriteAllText(Path.Combine(folder.Root, "diffusion_pytorch_model.fp16.safetensors"), "no weights");
        Assert.Empty(DiffusersImporter.Load(folder.Root).Notes);
    }

    [Fact]
    public void Two_variants_are_not_guessed_between_and_either_can_be_named()
    {
        using var folder = new ModelFolder();
        string half = Path.Combine(folder.Root, "diffusion_pytorch_model.fp16.safetensors"), raw = Path.Combine(folder.Root, "diffusion_pytorch_model.non_ema.safetensors");
        File.Copy(folder.Weights, half);
        File.Move(folder.Weights, raw);
        string message = Assert.Throws<ModelImportException>(() => DiffusersImporter.Load(folder.Root)).Message;
        Assert.Contains("fp16", message);
        Assert.Contains("non_ema", message);
        ImportedModel model = DiffusersImporter.Load(raw);
        Assert.Equal(1_114_209, model.Parameters);
        Assert.Contains(model.Notes, n => n.Contains("non_ema", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("diffusion_pytorch_model.safetensors")]
    public void A_file_of_the_folder_stands_for_it(string name)
    {
        ImportedModel model = DiffusersImporter.Load(Path.Combine(ModelFolder.Source, name));
        Assert.Equal("mnist", model.Name);
        Assert.Contains(model.Notes, n => n.StartsWith(name, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("_orig_mod.")]
    [InlineData("module.")]
    [InlineData("model.diffusion_model.")]
    public void A_prefix_that_all_tensors_share_is_left_off_and_said(string prefix)
    {
        using ModelFolder folder = new ModelFolder();
        var writer = new SafetensorsWriter();
        using (SafetensorsFile file = SafetensorsFile.Open(folder.Weights))
            foreach (var (name, entry) in file.Entries) writer.Add(prefix + name, file.ReadFloats(name), entry.Shape);
        writer.Write(folder.Weights);
        ImportedModel model = DiffusersImporter.Load(folder.Root);
        Assert.Equal(DiffusersImporter.Load(ModelFolder.Source).Weights, model.Weights);
        Assert.Contains(model.Notes, n => n.Contains($"'{prefix}'", StringComparison.Ordinal));
    }

    [Fact]
    public void Several_files_with_an_index_are_one_model()
    {
        using var folder = new ModelFolder();
        string index = Split(folder);
        ImportedModel model = DiffusersImporter.Load(folder.Root);
        Assert.Equal(DiffusersImporter.Load(ModelFolder.Source).Weights, model.Weights);
        Assert.Equal(1_114_209, model.Parameters);
        Assert.Contains(model.Notes, n => n.Contains("2 files", StringComparison.Ordinal));

        string part = Path.Combine(folder.Root, "part-00002-of-00002.safetensors");
        File.Move(part, part + ".away");
        var missing = Assert.Throws<ModelImportException>(() => DiffusersImporter.Load(folder.Root));
        Assert.Equal(index, missing.File);
        Assert.Contains("part-00002-of-00002.safetensors", missing.Message);

        // Another file's content is not what the index says.
        File.Copy(Path.Combine(ModelFolder.Source, "diffusion_pytorch_model.safetensors"), part);
        Assert.Equal(part, Assert.Throws<ModelImportException>(() => DiffusersImporter.Load(folder.Root)).File);
    }

    [Theory]
    [InlineData("""{"weight_map": {"a": "../outside.safetensors"}}""")]
    [InlineData("""{"weight_map": {"a": 1}}""")]
    [InlineData("""{"weight_map": {}}""")]
    [InlineData("""{"weight_map": {"a": "one.safetensors", "b": "one.safetensors", "a": "two.safetensors"}}""")]
    [InlineData("""{}""")]
    public void An_index_names_files_of_its_folder(string json)
    {
        using var folder = new ModelFolder();
        File.Delete(folder.Weights);
        File.WriteAllText(folder.Weights + ".index.json", json);
        Assert.Equal("weight_map", Assert.Throws<ModelImportException>(() => DiffusersImporter.Load(folder.Root)).Key);
    }

    [Theory]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git lfs pull")]
    [InlineData("\n<!DOCTYPE html><html></html>", "web page")]
    [InlineData("Entry not found", "'Entry not found'")]
    [InlineData("\u0080\u0002c__builtin__", "pickle")]
    [InlineData("", "is empty")]
    public void What_is_no_safetensors_file_is_named_for_what_it_is(string content, string said)
    {
        using var folder = new ModelFolder();
        File.WriteAllBytes(folder.Weights, Encoding.Latin1.GetBytes(content));
        var e = Assert.Throws<ModelImportException>(() => DiffusersImporter.Load(folder.Root));
        Assert.Equal(folder.Weights, e.File);
        Assert.Contains(said, e.Message);

        if (content.Length == 0) return;
        File.WriteAllBytes(folder.Config, Encoding.Latin1.GetBytes(content));
        e = Assert.Throws<ModelImportException>(() => DiffusersImporter.Load(folder.Root));
        Assert.Equal(folder.Config, e.File);
        if (content[0] < 0x80) Assert.Contains(said, e.Message);
    }

    [Theory]
    [InlineData("diffusion_pytorch_model.bin")]
    [InlineData("model.ckpt")]
    [InlineData("model.pt")]
    public void A_pickle_is_named_with_the_command_that_mends_it(string name)
    {
        using var folder = new ModelFolder();
        File.Delete(folder.Weights);
        string pickle = Path.Combine(folder.Root, name);
        using (ZipArchive zip = ZipFile.Open(pickle, ZipArchiveMode.Create)) zip.CreateEntry("archive/data.pkl");
        foreach (string given in (string[])[folder.Root, pickle])
        {
            string message = Assert.Throws<ModelImportException>(() => DiffusersImporter.Load(given)).Message;
            Assert.Contains("pickle", message);
            Assert.Contains("save_pretrained", message);
        }
    }

    [Fact]
    public void A_file_of_weights_by_itself_says_how_it_becomes_a_folder()
    {
        using var folder = new TemporaryFolder();
        File.Copy(Path.Combine(ModelFolder.Source, "diffusion_pytorch_model.safetensors"), folder.File("all-in-one.safetensors"));
        Assert.Contains("specializer convert", Assert.Throws<ModelImportException>(() => DiffusersImporter.Load(folder.File("all-in-one.safetensors"))).Message);
    }

    [Fact]
    public void Half_precision_is_read_as_it_is()
    {
        using var folder = new ModelFolder();
        string half = Path.Combine(folder.Root, "diffusion_pytorch_model.fp16.safetensors");
        HalfPrecision.Write(folder.Weights, half);
        ImportedModel full = DiffusersImporter.Load(folder.Root);
        File.Delete(folder.Weights);
        ImportedModel model = DiffusersImporter.Load(folder.Root);
        Assert.Equal((DType.F32, DType.F16), (full.StoredType, model.StoredType));
        Assert.Equal(full.Network, model.Network);
        Assert.Equal(full.Weights["conv_in.bias"].Select(v => (float)(Half)v), model.Weights["conv_in.bias"]);
    }

    // Two halves of the weights, and their index.
    private static string Split(ModelFolder folder)
    {
        SafetensorsWriter[] writers = [new(), new()];
        var map = new Dictionary<string, string>();
        string Part(int i) => $"part-0000{i + 1}-of-00002.safetensors";
        using (SafetensorsFile file = SafetensorsFile.Open(folder.Weights))
        {
            foreach (var (name, entry) in file.Entries)
            {
                int part = map.Count % 2;
                writers[part].Add(name, file.ReadFloats(name), entry.Shape);
                map.Add(name, Part(part));
            }
        }

        for (int i = 0; i < 2; i++) writers[i].Write(Path.Combine(folder.Root, Part(i)));
        string index = folder.Weights + ".index.json";
        File.WriteAllText(index, JsonSerializer.Serialize(new { metadata = new { total_size = 0 }, weight_map = map }));
        File.Delete(folder.Weights);
        return index;
    }
}
