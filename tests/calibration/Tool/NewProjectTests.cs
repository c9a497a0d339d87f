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

    /// <summary>Also beside someone who writes into the artefact.</summary>
    [Fact]
    public void What_was_checked_is_written_or_nothing()
    {
        using var folder = new TemporaryFolder();
        (string small, string large) = (Copy("mnist", "mnist"), Copy("emoji", "emoji-ddim"));
        using NewProject first = NewProject.For(folder.File("first"), small, null), second = NewProject.For(folder.File("second"), large, null);

        // Of weights of one block what was hashed is at hand.
        File.WriteAllText(Path.Combine(small, "mnist.calibration.json"), "{}");
        Zero(Path.Combine(small, "mnist.weights.safetensors"));
        first.Write();
        foreach (string file in new[] { "mnist.calibration.json", "mnist.weights.safetensors" }) Assert.Equal(File.ReadAllBytes(Path.Combine(s_models, file)), File.ReadAllBytes(folder.File($"first/models/{file}")));

        string weights = Path.Combine(large, "emoji.weights.safetensors");
        Zero(weights);
        Assert.Equal(weights, Assert.Throws<ArtifactException>(second.Write).File);
        Assert.Equal(["emoji", "first", "mnist"], Directory.GetFileSystemEntries(folder.Root).Select(Path.GetFileName).Order(StringComparer.Ordinal));

        static void Zero(string file) => File.WriteAllBytes(file, new byte[new FileInfo(file).Length]);

        string Copy(string name, string manifest)
        {
            string to = Directory.CreateDirectory(folder.File(name)).FullName;
            foreach (string file in new[] { $"{manifest}.calibration.json", $"{name}.weights.safetensors" }) File.Copy(Path.Combine(s_models, "..", name, file), Path.Combine(to, file));
            return to;
        }
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
