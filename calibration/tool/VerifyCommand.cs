using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Specializer.Calibration;
using Specializer.Formats;
using Specializer.Manifest;

namespace Specializer.Tool;

/// <summary><c>specializer verify</c>: does the imported FP32 network compute what the reference library computed?</summary>
internal static class VerifyCommand
{
    public static Command Create()
    {
        var folder = new Argument<DirectoryInfo>("model") { Description = "Model folder in diffusers' layout, a pipeline's, or that of a decoder or text encoder." };
        var against = new Option<FileInfo?>("--against") { Description = "Safetensors file with the reference library's inputs and outputs; the folder's golden.safetensors unless given." };
        var json = new Option<FileInfo?>("--json") { Description = "Write every printed figure to this file." };
        Option<double> tolerance = Number.Create("--tolerance", "Largest absolute error of one prediction.", GoldenVerification.DefaultTolerance);
        Option<double> trajectory = Number.Create("--trajectory-tolerance", "Largest error of a state, relative to its largest magnitude.", GoldenVerification.DefaultTrajectoryTolerance);
        var threads = new Option<int>("--threads") { Description = "CPU threads; 0 for all.", DefaultValueFactory = _ => 0 };
        foreach (Option<double> option in (Option<double>[])[tolerance, trajectory])
        {
            option.Validators.Add(result =>
            {
                // What is no number is reported already.
                if (result.Tokens is [var token] && Number.TryParse(token.Value, out double value) && !(value > 0)) result.AddError($"{option.Name} must be a number above 0.");
            });
        }

        Option<string> engine = EngineOption.Create();
        var command = new Command("verify", "Compares the FP32 network with outputs that the reference library stored.") { folder, against, json, tolerance, trajectory, engine, threads };
        // A task of its own: Ctrl+C is heard only once the action has returned one.
        command.SetAction((result, cancellation) => Task.Run(() => ExitCode.Of(() => Run(
            result.GetRequiredValue(folder).FullName, Golden(result.GetRequiredValue(folder), result.GetValue(against)), result.GetValue(json),
            Given(result, tolerance), Given(result, trajectory), result.GetRequiredValue(engine), result.GetValue(threads), cancellation))));
        return command;
    }

    private static string Golden(DirectoryInfo folder, FileInfo? against)
    {
        if (against is not null) return against.FullName;
        string beside = Path.Combine(FolderOf(folder.FullName), "golden.safetensors");
        return File.Exists(beside) ? beside
            : throw new FileNotFoundException($"There is no '{beside}'. Name the file that holds the reference library's inputs and outputs: --against FILE.");
    }

    /// <summary>A file of a folder stands for it, as with the importers.</summary>
    private static string FolderOf(string path) => Path.TrimEndingDirectorySeparator(File.Exists(path) ? Path.GetDirectoryName(path)! : path);

    private static int Run(string folder, string golden, FileInfo? json, double? tolerance, double? trajectoryTolerance, string engineName, int threads, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        if (json is not null) OutputFile.Prepare(json);
        if (PartVerification.Recognizes(folder)) return RunPart(folder, golden, json, tolerance, threads, clock, cancellation);
        ImportedModel model = DiffusersImporter.Load(folder, tokens: GoldenVerification.Tokens(golden));
        Console.WriteLine(ModelText.Describe(model));
        foreach (string remark in ModelText.Remarks(model, all: true)) Console.WriteLine(remark);
        if (model.EmbeddedGuidance is not null) Console.WriteLine("the network reads the scale of guidance: it is given what 'in.timestep_cond' of the stored outputs holds, and nothing where that is missing");
        Console.WriteLine($"weights SHA-256 {model.Sha256}");
        using var device = new CpuDevice(threads);
        ReferenceEngine engine = EngineOption.Open(engineName, device, threads);
        double allowance = GoldenVerification.Allowance(model.StoredType);
        if (allowance > 1) Console.WriteLine(Invariant($"weights are stored as {model.StoredType}, which rounds them: tolerances that are not given are {allowance} times those for F32"));
        // The other parts of a pipeline have outputs of their own in its file.
        bool whole = model.Pipeline is { } pipeline && pipeline.Folder == FolderOf(folder);
        IReadOnlyList<VerifiedPart> parts = whole ? PartVerification.RunAll(model.Pipeline!, golden, device, tolerance, SayMemory, cancellation) : [];
        List<VerificationResult> results = [];
        if (parts.Count == 0 || GoldenVerification.Recognizes(golden))
        {
            SayMemory(GoldenVerification.PredictMemory(model, engine));
            results.AddRange(GoldenVerification.Run(
                model, golden, engine, tolerance ?? GoldenVerification.DefaultTolerance * allowance, trajectoryTolerance ?? GoldenVerification.DefaultTrajectoryTolerance * allowance, cancellation));
            Print(results, r => r.Name == "eps" ? "absolute" : "relative");
        }

        foreach (VerifiedPart part in parts)
        {
            Print(part);
            results.AddRange(part.Results.Select(r => r with { Name = $"{part.Name}.{r.Name}" }));
        }

        Console.WriteLine(Invariant($"{(engine is InterpreterEngine ? device.Name : engine.Name)}, {clock.Elapsed.TotalSeconds:F1} s"));
        if (json is not null) AtomicFile.Write(json.FullName, stream => WriteJson(stream, folder, model.Name, model.Sha256, model.Parameters, model.Notes, [.. model.Ignored, .. parts.SelectMany(p => p.Ignored)], results));
        return results.Any(r => r.Status == VerificationStatus.Failed) ? ExitCode.Failed : ExitCode.Success;
    }

    private static int RunPart(string folder, string golden, FileInfo? json, double? tolerance, int threads, Stopwatch clock, CancellationToken cancellation)
    {
        using var device = new CpuDevice(threads);
        VerifiedPart part = PartVerification.Run(folder, golden, device, tolerance, SayMemory, cancellation);
        Print(part);
        Console.WriteLine(Invariant($"{device.Name}, {clock.Elapsed.TotalSeconds:F1} s"));
        if (json is not null) AtomicFile.Write(json.FullName, stream => WriteJson(stream, folder, part.Name, part.Sha256, part.Parameters, part.Notes, part.Ignored, part.Results));
        return part.Results.Any(r => r.Status == VerificationStatus.Failed) ? ExitCode.Failed : ExitCode.Success;
    }

    private static void SayMemory(long bytes) => MemoryNeed.Say("verification", bytes, "outputs of smaller pictures take less.");

    private static void Print(VerifiedPart part)
    {
        Console.WriteLine(Invariant($"{MessageText.Harmless(part.Name)}: {part.Class}, {part.Parameters:N0} parameters, stored as {part.StoredType}"));
        foreach (string note in part.Notes) Console.WriteLine(MessageText.Harmless(note));
        Console.WriteLine($"weights SHA-256 {part.Sha256}");
        Print(part.Results, _ => "absolute");
    }

    private static void Print(IReadOnlyList<VerificationResult> results, Func<VerificationResult, string> kind)
    {
        foreach (VerificationResult result in results)
        {
            Console.WriteLine(result.Status == VerificationStatus.Skipped
                ? $"  {result.Name,-12} skipped: {result.Note}"
                : Invariant($"  {result.Name,-12} {(result.Status == VerificationStatus.Passed ? "ok" : "FAILED"),-6} largest {kind(result)} error {result.Error:0.0e-0}, tolerance {result.Tolerance:0e-0}{(result.Note.Length == 0 ? "" : $": {result.Note}")}"));
        }
    }

    private static double? Given(ParseResult result, Option<double> option) => result.GetResult(option) is { Implicit: false } ? result.GetValue(option) : null;

    private static void WriteJson(Stream stream, string folder, string name, string sha256, long parameters, IReadOnlyList<string> notes, IReadOnlyList<IgnoredSetting> unused, IReadOnlyList<VerificationResult> results)
    {
        using var json = new Utf8JsonWriter(stream, new() { Indented = true });
        json.WriteStartObject();
        json.WriteString("model", name);
        json.WriteString("sha256", sha256);
        json.WriteNumber("parameters", parameters);
        json.WriteStartArray("notes");
        foreach (string note in notes) json.WriteStringValue(note);
        json.WriteEndArray();
        json.WriteStartArray("ignored");
        foreach (IgnoredSetting ignored in unused)
        {
            json.WriteStartObject();
            json.WriteString("file", Path.GetRelativePath(FolderOf(folder), ignored.File).Replace(Path.DirectorySeparatorChar, '/'));
            json.WriteString("key", ignored.Key);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("checks");
        foreach (VerificationResult result in results)
        {
            json.WriteStartObject();
            json.WriteString("name", result.Name);
            json.WriteString("status", result.Status.ToString().ToLowerInvariant());
            // JSON has no infinity; an error that is none is null.
            if (double.IsFinite(result.Error) && result.Status != VerificationStatus.Skipped) json.WriteNumber("error", result.Error);
            else json.WriteNull("error");
            json.WriteNumber("tolerance", result.Tolerance);
            json.WriteStartArray("stepErrors");
            foreach (double error in result.StepErrors) json.WriteNumberValue(error);
            json.WriteEndArray();
            json.WriteString("note", result.Note);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
