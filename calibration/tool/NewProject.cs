using System.Globalization;
using System.Reflection;
using System.Security;
using System.Text;
using Specializer.Calibration;
using Specializer.Formats;
using Specializer.Manifest;

namespace Specializer.Tool;

/// <summary>A project around an artefact, to be written. The artefact stays open: what was checked is what is written.</summary>
internal sealed class NewProject : IDisposable
{
    private readonly string _folder, _manifest, _project, _program;
    private readonly CalibrationArtifact _artifact;

    /// <summary>What a program is told to draw.</summary>
    private enum Subject
    {
        None,
        Labels,
        Prompts,
        Contexts,
    }

    private NewProject(string folder, string manifest, CalibrationArtifact artifact, string? source)
    {
        CalibrationManifest read = artifact.Manifest;
        string type = CalibrationSummary.ClassName(read.Model.Name);
        Map[] given = GivenContexts.Needed(read);
        Subject subject = read.Prompt is not null ? Subject.Prompts : given.Length > 0 ? Subject.Contexts : read.Model.Classes > 0 ? Subject.Labels : Subject.None;
        Name = Path.GetFileName(folder);
        (_folder, _manifest, _artifact) = (folder, Path.GetFileName(manifest), artifact);
        _project = Project(_manifest, type, source, subject);
        _program = Program(type, subject, given, read);
        Run = $"dotnet run --project {(folder.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('/' or '\\' or ':' or '.' or '-' or '_')) ? $"\"{folder}\"" : folder)}{subject switch { Subject.Prompts => " -- \"red heart\"", Subject.Labels => " -- 0", _ => "" }}";
    }

    /// <summary>The project's name: its folder's.</summary>
    public string Name { get; }

    /// <summary>What it consists of, relative to its folder.</summary>
    public IReadOnlyList<string> Files => [$"{Name}.csproj", "Program.cs", $"models/{_manifest}", $"models/{_artifact.Manifest.Weights.File}"];

    /// <summary>The command that draws.</summary>
    public string Run { get; }

    /// <summary>Plans a project, and opens the artefact.</summary>
    /// <param name="folder">Where it will lie; must not exist, or be empty.</param>
    /// <param name="artifact">Manifest or folder.</param>
    /// <param name="source">Folder with packages; null for the configured feeds.</param>
    /// <exception cref="IOException">The folder has something in it, or the source is none.</exception>
    /// <exception cref="ArtifactException">The artefact is malformed.</exception>
    public static NewProject For(string folder, string artifact, string? source)
    {
        folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (File.Exists(folder)) throw new IOException($"{folder}: is a file. Name a folder to write.");
        if (Directory.Exists(folder) && !Disk.IsEmpty(folder)) throw new IOException($"{folder}: the folder is not empty. Name a new one.");
        if (source is not null && !Directory.Exists(source)) throw new IOException($"{source}: the folder does not exist. --source names the folder with the packages, which `dotnet pack` writes.");
        string manifest = File.Exists(artifact) ? artifact : CalibrationArtifact.Find(artifact);
        return new(folder, manifest, CalibrationArtifact.Open(manifest), source);
    }

    /// <summary>Writes it, in one piece or not at all.</summary>
    /// <exception cref="ArtifactException">The weights were written to since they were checked.</exception>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public void Write()
    {
        Disk.CreateFolder(Path.GetDirectoryName(_folder)!);
        AtomicFolder.Write(_folder, beside =>
        {
            Disk.CreateFolder(Path.Combine(beside, "models"));
            Action<Stream>[] writes = [Text(_project), Text(_program), Text(_artifact.Text), _artifact.CopyWeights];
            foreach (var (file, write) in Files.Zip(writes)) AtomicFile.Write(Path.Combine(beside, file), write);
        });

        static Action<Stream> Text(string text) => to => to.Write(Encoding.UTF8.GetBytes(text));
    }

    /// <inheritdoc/>
    public void Dispose() => _artifact.Dispose();

    private static string Project(string manifest, string type, string? source, Subject subject)
    {
        // It reads prompts: the generated type then has its tokenizer.
        string text = subject == Subject.Prompts ? $"\n    <PackageReference Include=\"Specializer.Text\" Version=\"{Version}\" />" : "";
        string sources = source is null ? "" : $"\n    <RestoreAdditionalProjectSources>{SecurityElement.Escape(source)}</RestoreAdditionalProjectSources>";
        return $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                <!-- Each denoising step is a method that runs a few times only: compiled once, and optimized at once. -->
                <TieredCompilation>false</TieredCompilation>{sources}
              </PropertyGroup>

              <ItemGroup>
                <PackageReference Include="Specializer" Version="{Version}" />{text}
                <CalibrationManifest Include="models/{manifest}" Namespace="Models" ClassName="{type}" />
              </ItemGroup>
            </Project>

            """;
    }

    private static string Program(string type, Subject subject, Map[] given, CalibrationManifest read)
    {
        string subjects = subject switch
        {
            Subject.Prompts => "// A prompt for each picture.\nstring[] prompts = args.Length == 0 ? [\"red heart\"] : args;\n",
            Subject.Labels => "// A label for each picture.\nint[] labels = args.Length == 0 ? [0] : [.. args.Select(int.Parse)];\n",
            Subject.Contexts => $"// What the model reads besides noise: put an encoder's numbers here, of one picture, or of one after the other.\nvar inputs = new Dictionary<string, float[]> {{ {string.Join(", ", given.Select(map => string.Create(CultureInfo.InvariantCulture, $"[\"{map.Name}\"] = new float[{map.Pixels * map.Channels}]")))} }};\n",
            _ => "",
        };
        string wanted = subject switch
        {
            Subject.Prompts => "Count = prompts.Length, Prompts = prompts",
            Subject.Labels => "Count = labels.Length, Labels = labels",
            Subject.Contexts => $"Inputs = inputs{(read.Sampling.Guidance.Value == 1 ? "" : ", NegativeInputs = inputs")}",
            _ => "Count = 4",
        };
        if (subject != Subject.Labels && read.Model is { Classes: > 0, NullLabel: < 0 }) wanted += ", Labels = [0]";
        return $$"""
            using Models;
            using Specializer;
            using Specializer.Formats;

            using {{type}} sampler = {{type}}.Load();
            {{subjects}}// The same seed draws the same pictures on any machine.
            ImageBatch images = sampler.Sample(new() { {{wanted}}, Seed = 1 });
            ImageGrid.Write("picture.png", images.EnlargeTo(256), columns: 4);
            Console.WriteLine($"Wrote {Path.GetFullPath("picture.png")}.");

            """;
    }

    // The packages of this tool's own version.
    private static string Version => typeof(NewProject).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
}
