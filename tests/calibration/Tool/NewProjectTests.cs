using System.Xml.Linq;
using Specializer.Tests;
using Specializer.Tool;

namespace Specializer.Calibration.Tests;

/// <summary>What is written; <c>tests/packages</c> builds and runs it.</summary>
public class NewProjectTests
{
    private static readonly string s_models = Path.Combine(SharedData.RepositoryRoot, "sample-app", "models", "mnist");
    private static readonly string[] s_files = ["mnist.calibration.json", "mnist.weights.safetensors"];

    [Fact]
    public void A_project_holds_the_artefact_and_names_its_class()
    {
        using var folder = new TemporaryFolder();
        string source = Directory.CreateDirectory(folder.File("a & b")).FullName;
        Assert.Equal(ExitCode.Success, NewCommand.Run(folder.File("app"), s_models, source, json: false, new StringWriter()));

        XElement project = XDocument.Load(folder.File("app/app.csproj")).Root!;
        Assert.Equal(source, project.Descendants("RestoreAdditionalProjectSources").Single().Value);
        XElement manifest = project.Descendants("CalibrationManifest").Single();
        Assert.Equal("MnistSampler", manifest.Attribute("ClassName")!.Value);
        foreach (string file in new[] { manifest.Attribute("Include")!.Value, "models/mnist.weights.safetensors", "Program.cs" }) Assert.True(File.Exists(folder.File($"app/{file}")), file);
        // Nothing of the writing is left beside it.
        Assert.Equal(2, Directory.GetFileSystemEntries(folder.Root).Length);
    }

    /// <summary>Also beside someone who writes into the artefact.</summary>
    [Fact]
    public void What_was_checked_is_written_or_nothing()
    {
        using var folder = new TemporaryFolder();
        string models = Directory.CreateDirectory(folder.File("models")).FullName;
        foreach (string file in s_files) File.Copy(Path.Combine(s_models, file), Path.Combine(models, file));
        using NewProject first = NewProject.For(folder.File("first"), models, null), second = NewProject.For(folder.File("second"), models, null);

        File.WriteAllText(Path.Combine(models, s_files[0]), "{}");
        first.Write();
        foreach (string file in s_files) Assert.Equal(File.ReadAllBytes(Path.Combine(s_models, file)), File.ReadAllBytes(folder.File($"first/models/{file}")));

        string weights = Path.Combine(models, s_files[1]);
        File.WriteAllBytes(weights, new byte[new FileInfo(weights).Length]);
        Assert.Equal(weights, Assert.Throws<ArtifactException>(second.Write).File);
        Assert.Equal(["first", "models"], Directory.GetFileSystemEntries(folder.Root).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void What_is_there_is_not_overwritten()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("mine.txt"), "");
        Assert.EndsWith("is not empty. Name a new one.", Assert.Throws<IOException>(() => NewProject.For(folder.Root, s_models, null)).Message, StringComparison.Ordinal);
        Assert.Contains("is a file", Assert.Throws<IOException>(() => NewProject.For(folder.File("mine.txt"), s_models, null)).Message, StringComparison.Ordinal);
        Assert.Contains("--source", Assert.Throws<IOException>(() => NewProject.For(folder.File("app"), s_models, folder.File("none"))).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder.File("app")));
    }
}
