using System.Diagnostics;
using System.Text;
using Specializer.Tests;
using Specializer.Tool;

namespace Specializer.Calibration.Tests;

/// <summary>Configurations as tools write them, and as nobody should.</summary>
public class ConfigurationTests
{
    [Fact]
    public void What_nothing_uses_is_ignored_and_listed()
    {
        using ModelFolder folder = new ModelFolder().With("decay", "0.9999").With("use_ema_warmup", "true").With("later_option", "null").With("_note", "[1]").With("dropout", "0.5");
        Assert.Superset(
            new HashSet<string> { "decay", "use_ema_warmup", "later_option", "_note", "dropout" },
            DiffusersImporter.Load(folder.Root).Ignored.Where(i => i.File == folder.Config).Select(i => i.Key).ToHashSet());
    }

    [Theory]
    [InlineData("lambda_min_clipped", "-Infinity")]
    [InlineData("lambda_max", "Infinity")]
    [InlineData("extra", "[NaN, {\"NaN\": NaN}]")]
    [InlineData("sample_max_value", "Infinity")]
    [InlineData("solver_order", "2")]
    public void What_no_scheduler_uses_may_be_no_number(string key, string value)
    {
        using var folder = new ModelFolder();
        SetScheduler(folder, key, value);
        ImportedModel model = DiffusersImporter.Load(folder.Root);
        Assert.Contains(model.Ignored, i => i.Key == key && i.File == Scheduler(folder));
    }

    [Theory]
    [InlineData("beta_start", "-Infinity")]
    [InlineData("clip_sample_range", "NaN")]
    public void What_the_scheduler_uses_must_be_a_number(string key, string value)
    {
        using var folder = new ModelFolder();
        SetScheduler(folder, key, value);
        var e = Assert.Throws<ModelImportException>(() => DiffusersImporter.Load(folder.Root));
        Assert.Equal(Scheduler(folder), e.File);
        Assert.Contains(key, e.Message);
        Assert.Contains(value, e.Message);
    }

    [Fact]
    public void A_number_of_the_network_that_is_not_finite_is_refused()
    {
        using ModelFolder folder = new ModelFolder().With("norm_eps", "1");
        File.WriteAllText(folder.Config, File.ReadAllText(folder.Config).Replace("\"norm_eps\":1", "\"norm_eps\":Infinity", StringComparison.Ordinal));
        Assert.Equal("norm_eps", Assert.Throws<ModelImportException>(() => DiffusersImporter.Load(folder.Root)).Key);
    }

    [Fact]
    public void Everything_that_is_not_supported_is_named_at_once()
    {
        using ModelFolder folder = new ModelFolder().With("act_fn", "\"selu\"").With("resnet_time_scale_shift", "\"spatial\"").With("class_embed_type", "\"projection\"").With("cross_attention_dim", "512");
        var e = Assert.Throws<UnsupportedModelException>(() => DiffusersImporter.Load(folder.Root));
        Assert.Equal(["act_fn", "class_embed_type", "cross_attention_dim", "resnet_time_scale_shift"], e.Settings.Select(s => s.Key).Order());
        Assert.All(e.Settings, s => Assert.Contains($"'{s.Key}'", e.Message));
    }

    [Theory]
    [InlineData("{\"\\ud800\": 1}")]
    [InlineData("{\"a\": \"\\udc00\"}")]
    [InlineData("{\"a\": [{\"b\": \"\\ud800x\"}]}")]
    [InlineData("{\"a\": \"\u00ff\"}")]
    [InlineData("{\"a\": nan}")]
    [InlineData("{\"a\": 1NaN}")]
    [InlineData("{\"a\": \"")]
    [InlineData("[]")]
    public void What_is_no_json_is_an_error_of_ours(string json)
    {
        // Latin-1: so one of them is no UTF-8.
        byte[] bytes = Encoding.Latin1.GetBytes(json);
        using var folder = new ModelFolder();
        foreach (string file in (string[])[folder.Config, Scheduler(folder)])
        {
            byte[] before = File.ReadAllBytes(file);
            File.WriteAllBytes(file, bytes);
            Assert.Equal(file, Assert.Throws<ModelImportException>(() => DiffusersImporter.Load(folder.Root)).File);
            File.WriteAllBytes(file, before);
        }
    }

    [Fact]
    public void A_byte_order_mark_is_no_mistake()
    {
        using var folder = new ModelFolder();
        File.WriteAllText(folder.Config, File.ReadAllText(folder.Config), new UTF8Encoding(encoderShouldEmitUTF8Identifier: true));
        Assert.Equal(1_114_209, DiffusersImporter.Load(folder.Root).Parameters);
    }

    [Fact]
    public void Messages_hold_nothing_that_steers_a_terminal_and_end()
    {
        using ModelFolder folder = new ModelFolder().With("act_fn", "\"\\u001b[2J\\u202e" + new string('x', 1 << 20) + "\"").With("\u001b[31m\u202e", "1");
        File.WriteAllText(folder.Config, File.ReadAllText(folder.Config).Replace("\\u202E", "\u202e", StringComparison.OrdinalIgnoreCase));
        string message = Assert.Throws<UnsupportedModelException>(() => DiffusersImporter.Load(folder.Root)).Message;
        Assert.DoesNotContain('\u001b', message);
        Assert.DoesNotContain('\u202e', message);
        Assert.InRange(message.Length, 1, 4000);

        SetScheduler(folder.Without("act_fn").Without("\u001b[31m\u202e"), "beta_end", "\"" + new string('y', 1 << 20) + "\u202e\"");
        message = Assert.Throws<ModelImportException>(() => DiffusersImporter.Load(folder.Root)).Message;
        Assert.DoesNotContain('\u202e', message);
        Assert.InRange(message.Length, 1, 4000);
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("scheduler_config.json")]
    [InlineData("diffusion_pytorch_model.safetensors")]
    public void Pipes_and_devices_are_refused_at_once(string name)
    {
        if (!OperatingSystem.IsLinux()) return;
        using var folder = new ModelFolder();
        string path = Path.Combine(folder.Root, name);
        File.Delete(path);
        File.CreateSymbolicLink(path, "/dev/zero");
        Assert.Equal(path, Assert.Throws<ModelImportException>(() => DiffusersImporter.Load(folder.Root)).File);
        File.Delete(path);
        using (Process make = Process.Start("mkfifo", path)) make.WaitForExit();
        var e = Assert.Throws<ModelImportException>(() => DiffusersImporter.Load(folder.Root));
        Assert.Equal(path, e.File);
        Assert.Contains("pipe", e.Message);
    }

    [Fact]
    public void Guidance_without_a_null_label_says_which_option_is_missing()
    {
        using var output = new TemporaryFolder();
        using var error = new StringWriter();
        var console = Console.Error;
        Console.SetError(error);
        try
        {
            Assert.Equal(2, ExitCode.Of(CalibrateCommand.Create().Parse([ModelFolder.Source, "--out", output.Root, "--guidance", "2"])));
        }
        finally
        {
            Console.SetError(console);
        }

        Assert.Contains("--null-label", error.ToString());
    }

    private static string Scheduler(ModelFolder folder) => Path.Combine(folder.Root, "scheduler_config.json");

    private static void SetScheduler(ModelFolder folder, string key, string value)
    {
        string[] lines = [.. File.ReadAllLines(Scheduler(folder)).Where(l => !l.Contains($"\"{key}\"", StringComparison.Ordinal))];
        lines[0] += $"\"{key}\": {value},";
        File.WriteAllLines(Scheduler(folder), lines);
    }
}
