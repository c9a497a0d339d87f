using System.Text.Json;
using Specializer.Formats;
using Specializer.Tests;
using Specializer.Tool;

namespace Specializer.Calibration.Tests;

public class VerifyCommandTests
{
    private static readonly string Golden = Path.Combine(ModelFolder.Source, "golden.safetensors");

    [Fact]
    public void Success_is_exit_code_0_and_every_figure_is_in_the_json()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(0, Run(ModelFolder.Source, "--against", Golden, "--json", folder.File("new/out.json"), "--threads", "2"));
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(folder.File("new/out.json")));
        Assert.Contains("_diffusers_version", json.RootElement.GetProperty("ignored").EnumerateArray().Select(i => i.GetProperty("key").GetString()));
        Assert.Equal(["eps", "ddim", "ddim_eta1"], json.RootElement.GetProperty("checks").EnumerateArray().Select(c => c.GetProperty("name").GetString()!));
    }

    [Fact]
    public void An_error_above_the_tolerance_is_exit_code_1() => Assert.Equal(1, Run(ModelFolder.Source, "--against", Golden, "--tolerance", "1e-12"));

    [Fact]
    public void Bad_input_is_exit_code_2()
    {
        Assert.Equal(2, Run(Path.Combine(ModelFolder.Source, "nothing"), "--against", Golden));
        Assert.Equal(2, Run(ModelFolder.Source, "--against", Path.Combine(ModelFolder.Source, "nothing.safetensors")));
        Assert.Equal(2, Run(ModelFolder.Source, "--against", Path.Combine(ModelFolder.Source, "config.json")));
    }

    [Theory]
    [InlineData("--tolerance", "much")]
    [InlineData("--tolerance", "0")]
    [InlineData("--tolerance", "NaN")]
    [InlineData("--tolerance", "0,001")]
    [InlineData("--trajectory-tolerance", "Infinity")]
    [InlineData("--threads", "two")]
    [InlineData("--tolerence", "1")]
    public void A_mistyped_option_is_exit_code_2_and_no_exception(string option, string value) =>
        Assert.Equal(2, Run(ModelFolder.Source, "--against", Golden, option, value));

    [Fact]
    public void Messages_do_not_name_parameters_of_methods()
    {
        ArgumentException range = Assert.ThrowsAny<ArgumentException>(() => DiffusersImporter.Load(ModelFolder.Source, nullLabel: 11));
        Assert.Contains("(Parameter '", range.Message);
        Assert.Equal("The null label must be one of the model's 11 classes, or -1 for none.", ExitCode.Message(range));
        Assert.Equal("a\nb", ExitCode.Message(new ArtifactException("x", "a\nb"))["x: ".Length..]);
    }

    [Fact]
    public void Messages_about_artefacts_hold_nothing_that_steers_a_terminal()
    {
        string message = new ArtifactException("x", $"first \u001b[2J{new string('x', 1 << 20)}\nsecond \u202e").Message;
        Assert.DoesNotContain('\u001b', message);
        Assert.DoesNotContain('\u202e', message);
        Assert.InRange(message.Length, 1, 2000);
        Assert.Equal(2, message.Split('\n').Length);
    }

    [Fact]
    public void Half_precision_has_a_wider_tolerance_unless_one_is_given()
    {
        using var folder = new ModelFolder();
        HalfPrecision.Write(Path.Combine(ModelFolder.Source, "diffusion_pytorch_model.safetensors"), folder.Weights);
        Assert.Equal(0, Run(folder.Root, "--against", Golden));
        Assert.Equal(1, Run(folder.Root, "--against", Golden, "--tolerance", "2e-5"));
    }

    [Fact]
    public void A_folder_where_a_file_should_be_written_is_bad_input_before_anything_runs()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("is a folder", Assert.Throws<IOException>(() => OutputFile.Prepare(new(folder.Root))).Message);
        Assert.Contains("is a folder", Assert.Throws<IOException>(() => OutputFile.Prepare(new(Path.GetPathRoot(folder.Root)!))).Message);
        OutputFile.Prepare(new(folder.File("new/file")));
        Assert.Empty(Directory.GetFileSystemEntries(folder.File("new")));
        // A folder that takes no files, not even an administrator's.
        if (OperatingSystem.IsLinux())
        {
            Assert.StartsWith("/proc/report.json: cannot be written", Assert.Throws<IOException>(() => OutputFile.Prepare(new("/proc/report.json"))).Message, StringComparison.Ordinal);
            Assert.StartsWith("/proc/new: the folder cannot be made.", Assert.Throws<IOException>(() => OutputFile.Prepare(new("/proc/new/report.json"))).Message, StringComparison.Ordinal);
            Assert.StartsWith("/proc/app: cannot be written, as the folder above", Assert.Throws<IOException>(() => AtomicFolder.Write("/proc/app", _ => { })).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Remarks_are_about_the_model()
    {
        ImportedModel model = DiffusersImporter.Load(ModelFolder.Source);
        Assert.Contains(model.Ignored, i => i.Key == "_diffusers_version");
        Assert.Empty(ModelText.Remarks(model));
        Assert.All(ModelText.Remarks(model, all: true), remark => Assert.EndsWith("ignored _diffusers_version", remark, StringComparison.Ordinal));
        Assert.Equal(2, ModelText.Remarks(model, all: true).Count());

        // The names that diffusers and transformers give the weights of a pipeline's networks are nothing to remark on.
        using var pipeline = new TinyPipeline();
        Assert.Empty(ModelText.Remarks(PipelineImporter.Load(pipeline.Root)));
    }

    /// <summary>The file in a pipeline's folder has outputs of each network, under names that say which.</summary>
    [Fact]
    public void A_pipeline_is_verified_network_by_network()
    {
        using var pipeline = new TinyPipeline();
        Assert.Equal(2, Run(pipeline.Root));
        Write("");
        string[] files = ["scheduler/scheduler_config.json", "text_encoder/config.json", "unet/config.json", "vae/config.json"];
        foreach (string file in files) pipeline.Replace(file, "{", "{\"_note\": 1, ");
        string report = pipeline.File("report.json");
        Assert.Equal(0, Run(pipeline.Root, "--json", report));
        using (JsonDocument json = JsonDocument.Parse(File.ReadAllText(report)))
        {
            // Which of the files called config.json it is, the path says.
            Assert.Equal(files, json.RootElement.GetProperty("ignored").EnumerateArray().Where(i => i.GetProperty("key").GetString() == "_note").Select(i => i.GetProperty("file").GetString()!).Order(StringComparer.Ordinal));
            Assert.Equal(["eps", "vae.decode", "text_encoder.hidden"], json.RootElement.GetProperty("checks").EnumerateArray().Select(c => c.GetProperty("name").GetString()!).OrderBy(n => n.Length));
        }

        // A file of the folder stands for it.
        Assert.Equal(0, Run(pipeline.File("model_index.json"), "--json", report));
        using (JsonDocument json = JsonDocument.Parse(File.ReadAllText(report))) Assert.Equal(3, json.RootElement.GetProperty("checks").GetArrayLength());

        // Each of them by its own folder.
        foreach (string part in (string[])["unet", "vae", "text_encoder"]) Assert.Equal(0, Run(pipeline.File(part), "--against", pipeline.File("golden.safetensors")));
        foreach (string wrong in (string[])["unet.out.eps", "vae.out.decode", "text.out.hidden"])
        {
            Write(wrong);
            Assert.Equal(1, Run(pipeline.Root));
        }

        void Write(string wrong)
        {
            ImportedModel model = PipelineImporter.Load(pipeline.Root, "tiny");
            using var device = new CpuDevice(1);
            float[] x = [.. Enumerable.Range(0, 256).Select(i => MathF.Sin(i))], ids = model.Text!.Inputs(["red"]), eps = new float[256];
            float[] context = Evaluate(model.Text.Network, ids);
            using (var network = new NetworkEvaluator(model.Network, 1, model.TensorBytes([500f]), device, 1))
            {
                network.Give("encoder_hidden_states", context);
                network.Evaluate(0, InterpretedStep.Float32, x, [], eps);
            }

            var writer = new SafetensorsWriter();
            writer.Add("text.in.ids", Array.ConvertAll(ids, id => (long)id), 1, 8);
            Add("text.out.hidden", context, 1, 8, 16);
            Add("unet.in.x", Planes(x, 64), 1, 4, 8, 8);
            writer.Add("unet.in.t", new long[] { 500 }, 1);
            Add("unet.in.encoder_hidden_states", context, 1, 8, 16);
            Add("unet.out.eps", Planes(eps, 64), 1, 4, 8, 8);
            Add("vae.in.z", Planes(x, 64), 1, 4, 8, 8);
            using (ModelWeights weights = ModelWeights.Open(pipeline.File("vae"), null, []))
                Add("vae.out.decode", Planes(Evaluate(PartImporter.Import(ConfigurationReader.Open(pipeline.File("vae/config.json")), weights, PipelinePart.Decoder, 8, 8), x), 256), 1, 3, 16, 16);
            writer.Write(pipeline.File("golden.safetensors"));

            void Add(string name, float[] values, params long[] shape) => writer.Add(name, name == wrong ? Array.ConvertAll(values, v => v + 1) : values, shape);

            float[] Evaluate(ImportedNetwork part, float[] inputs)
            {
                using NetworkEvaluator evaluator = part.Evaluator(device, 1);
                return part.Evaluate(evaluator, inputs);
            }
        }

        static float[] Planes(float[] values, int pixels) => [.. Enumerable.Range(0, values.Length).Select(i => values[i % pixels * (values.Length / pixels) + i / pixels])];
    }

    /// <summary>Its file was written by the program that trained it. Errors are held to the outputs' largest value.</summary>
    [Fact]
    public void The_emoji_model_is_verified_whole()
    {
        using var folder = new TemporaryFolder();
        string model = Path.Combine(SharedData.RepositoryRoot, "sample-app", "models", "emoji");
        Assert.Equal(0, Run(model, "--tolerance", "5e-5", "--json", folder.File("out.json")));
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(folder.File("out.json")));
        var errors = json.RootElement.GetProperty("checks").EnumerateArray().ToDictionary(c => c.GetProperty("name").GetString()!, c => c.GetProperty("error").GetDouble());
        Assert.Equal(4, errors.Count);
        using SafetensorsFile golden = SafetensorsFile.Open(Path.Combine(model, "golden.safetensors"));
        Check("eps", "unet.out.eps", 2e-5);
        Check("text_encoder.hidden", "text.out.hidden", 2e-5);
        Check("vae.decode", "vae.out.decode", 5e-5);
        Check("vae.mean", "vae.out.mean", 5e-5);

        void Check(string name, string output, double tolerance) => Assert.InRange(errors[name] / golden.ReadFloats(output).Max(Math.Abs), 0, tolerance);
    }

    private static int Run(params string[] arguments) => ExitCode.Of(VerifyCommand.Create().Parse(arguments));
}
