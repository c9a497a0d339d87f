using System.CommandLine;
using System.Globalization;
using Specializer.Calibration;
using Specializer.Manifest;
using Specializer.Reporting;
using Spectre.Console;

namespace Specializer.Tool;

// Not the namespace Specializer.Text.
using Text = Spectre.Console.Text;

/// <summary><c>specializer inspect</c>: what a model folder or an artefact is, and what each of its layers costs.</summary>
internal static class InspectCommand
{
    public static Command Create()
    {
        var path = new Argument<string>("path") { Description = "Model folder in diffusers' layout, that of a decoder or text encoder, or an artefact: its manifest or its folder." };
        Option<(int Height, int Width)?> size = SizeOption.Create();
        Option<int> clipSkip = ClipSkipOption.Create();
        var json = new Option<bool>("--json") { Description = "Print everything as JSON." };
        var command = new Command("inspect", "Says what a model or an artefact is, whether it can be calibrated, and what each layer costs.") { path, size, clipSkip, json };
        command.SetAction(result => ExitCode.Of(() => Run(result.GetRequiredValue(path), result.GetValue(json), Console.Out, result.GetValue(size), result.GetValue(clipSkip))));
        return command;
    }

    /// <summary>Inspects what lies at a path.</summary>
    /// <param name="path">Model folder or artefact.</param>
    /// <param name="json">As JSON; otherwise as tables.</param>
    /// <param name="output">Where to print.</param>
    /// <param name="size">Rows and columns of a picture; null for the model's own.</param>
    /// <param name="clipSkip">Last layers of a model folder's text encoders that are left out.</param>
    public static int Run(string path, bool json, TextWriter output, (int Height, int Width)? size = null, int clipSkip = 0)
    {
        ModelInspection inspection = ModelInspection.Of(path, size, clipSkip);
        if (inspection.Sampler is { } sampler)
        {
            using var device = new CpuDevice();
            inspection = inspection with { Time = sampler.Time(ProcessorRates.Measure(device)) };
        }

        if (json) output.WriteLine(CommandJson.Serialize(inspection));
        else Print(inspection, output);
        return inspection.Refused.Count == 0 ? ExitCode.Success : ExitCode.Failed;
    }

    private static void Print(ModelInspection inspection, TextWriter output)
    {
        IAnsiConsole console = AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(output) });
        // A file has no width that a table must fit.
        if (Console.IsOutputRedirected) console.Profile.Width = 160;
        console.Write(Facts(inspection));
        if (inspection.Layers.Count > 0) console.Write(Layers(inspection.Layers));
        foreach (UnsupportedSetting refused in inspection.Refused)
            console.WriteLine($"refused: {(refused.File.Length == 0 ? "" : $"{MessageText.Harmless(ModelText.Place(refused.File))}: ")}{MessageText.Harmless(refused.Key)} = {MessageText.Harmless(refused.Value)}. {MessageText.Harmless(refused.Supported)}");
    }

    private static Grid Facts(ModelInspection i)
    {
        var grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn();
        bool isPart = i.Networks.Count > 0 && i.Networks.All(n => n.Name.Length > 0);
        Add("name", $"{i.Name}, {(i.IsArtifact ? "an artefact" : isPart ? "a part of a model" : "a model folder")}");
        if (i.Pipeline is { } pipeline)
        {
            Add("pipeline", $"{(pipeline.Class.Length == 0 ? "without an index" : pipeline.Class)}: {string.Join(", ", pipeline.Components.Select(c => $"{c.Name} ({c.Class})"))}");
            if (pipeline.Decoder is { } decoder) Add("draws", $"latents, which {decoder.Name} turns into pictures");
        }

        if (i.Layers.Count > 0)
        {
            Add("network", Invariant($"{i.Architecture}, {string.Join("×", i.Extents)}{(isPart ? "" : $", {ModelText.Kind(i.Networks.Any(n => n.Name == PipelineParts.EncoderName), i.Classes, i.Given)}")}"));
            Add("parameters", Invariant($"{i.Parameters:N0}, stored as {i.Storage}"));
            Add("weights", Invariant($"{i.Layers.Sum(l => l.WeightBytes):N0} bytes{(i.IsArtifact ? "" : isPart ? " as FP32" : " as FP32, without the table of timesteps")}"));
            Add("maps", i.ActivationBytes is { } bytes ? Invariant($"{bytes:N0} bytes for one image") : "more than 16 GiB for one image, or one of them more than convolutions take");
            if (!isPart) Add("work", Invariant($"{i.Layers.Where(l => l.BindingTime == LayerInspection.Step).Sum(l => l.MultiplyAccumulates):N0} multiply-accumulates for one image and step"));
        }

        if (i.ClipSkip > 0) Add("clip skip", Invariant($"{i.ClipSkip}: so many last layers of each text encoder are left out"));
        if (i.EmbeddedGuidance is { } scale) Add("guidance", Invariant($"{scale}, which the network is told beside the timestep: one evaluation a step{(i.IsArtifact ? "" : "; 'calibrate --guidance' names another scale")}"));
        if (i.Sampler is { } s)
        {
            Add("sampler", Invariant($"{(i.IsArtifact ? "" : "with 4-bit weights and 8-bit activations ")}{s.WeightBytes / 1e6:N0} MB of packed weights and {s.MapBytes / 1e6:N0} MB of maps{(i.EmbeddedGuidance is null ? ", twice that under guidance" : "")}; {s.BitOperations / 1e9:N0} G bit operations a step, {s.BitOperationsSaved:F1} times fewer than FP32"));
        }

        if (i.Time is { } time)
        {
            Add("time", Invariant($"estimated for this processor: {Seconds(time.StepSeconds)} a step{(time.Evaluations > 1 ? " of two evaluations, for guidance" : "")}, {Seconds(time.PictureSeconds)} a picture of {time.Steps} steps"));
            Add("rates", Invariant($"measured by one convolution: {Giga(time.Rates.Float32)} G multiply-accumulates a second in FP32, {Giga(time.Rates.EightBit)} in W8A8, {Giga(time.Rates.FourBit)} in W4A8"));
        }

        if (i.CalibrationBytes > 0) Add("calibration", Invariant($"at least {MemoryPlan.Gigabytes(i.CalibrationBytes):F1} GB of memory (--memory), more than one pass then"));
        foreach (NetworkInspection network in i.Networks)
        {
            Add(network.Name.Length == 0 ? "sampled" : network.Name, Invariant($"{network.Runs}: {network.Parameters:N0} parameters, {network.WeightBytes:N0} bytes, {network.MultiplyAccumulates:N0} multiply-accumulates; ")
                + string.Join(", ", network.Convolutions.Select(c => Invariant($"{c.Value} convolutions of {c.Key} bits"))));
        }

        if (i.StepsByActivationBits.Count > 0) Add("steps", string.Join(", ", i.StepsByActivationBits.Select(s => Invariant($"{s.Value} with {s.Key}-bit activations"))));
        if (i.Corrections is { } corrections) Add("corrections", CorrectionText.Sentence(corrections));
        foreach (string note in i.Notes) Add("note", note);
        if (i.Dropped.Count > 0) Add("dropped", Invariant($"{i.Dropped.Count} operations that no output depends on: {string.Join(", ", i.Dropped)}"));
        foreach (var file in i.Ignored.GroupBy(g => g.File, StringComparer.Ordinal)) Add("ignored", $"{ModelText.Place(file.Key)}: {string.Join(", ", file.Select(s => s.Key))}");
        return grid;

        // Names come from files: escaped, and no markup.
        void Add(string name, string value) => grid.AddRow(new Text(name), new Text(MessageText.Harmless(value)));
    }

    private static Table Layers(IReadOnlyList<LayerInspection> layers)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("layer").NoWrap()).AddColumn("operation").AddColumn("runs").AddColumn("output");
        foreach (string number in (string[])["parameters", "bits", "bytes", "multiply-accumulates"]) table.AddColumn(new TableColumn(number).RightAligned());
        foreach (LayerInspection layer in layers)
        {
            table.AddRow(new Text(layer.Name), new Text(layer.Operation), new Text(layer.BindingTime), new Text(string.Join("×", layer.Output)), Count(layer.Parameters), Count(layer.WeightBits), Count(layer.WeightBytes), Count(layer.MultiplyAccumulates));
        }

        return table;

        static Text Count(long value) => new(value == 0 ? "" : Invariant($"{value:N0}"));
    }

    /// <summary>With two significant digits, which an estimate has at most.</summary>
    internal static string Seconds(double seconds) => seconds < 1 ? $"{TwoDigits(1e3 * seconds)} ms" : $"{TwoDigits(seconds)} s";

    private static string Giga(double rate) => TwoDigits(rate / 1e9);

    private static string TwoDigits(double value)
    {
        if (value < 99.5) return value.ToString("G2", CultureInfo.InvariantCulture);
        double unit = Math.Pow(10, Math.Floor(Math.Log10(value)) - 1);
        return Invariant($"{unit * Math.Round(value / unit):N0}");
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
