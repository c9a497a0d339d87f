using System.Xml.Linq;
using Specializer.Tests;
using Specializer.Tool;

namespace Specializer.Calibration.Tests;

/// <summary>What is written; <c>tests/packages</c> builds and runs it.</summary>
public class NewProjectTests
{
    private static readonly string s_models = Path.Combine(SharedData.RepositoryRoot, "sample-app", "models", "mnist");

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
