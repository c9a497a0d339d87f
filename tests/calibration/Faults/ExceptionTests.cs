using Specializer.Cluster;
using Specializer.Formats;
using Specializer.Ilgpu;
using Specializer.Tests;
using Specializer.Text;

namespace Specializer.Calibration.Tests;

public class ExceptionTests
{
    [Fact]
    public void No_exception_of_ours_shows_what_it_is_given_as_it_is()
    {
        Assert.Empty(OwnExceptions.ThatShowAnything(out Type[] tried));
        // Of every assembly that has any, one.
        Assert.Superset(new HashSet<Type> { typeof(ArtifactException), typeof(SafetensorsException), typeof(DeviceMemoryException), typeof(TokenizerException), typeof(SiloBusyException) }, new HashSet<Type>(tried));
    }

    /// <summary>Names of files are texts of unknown origin, too, where the system takes any.</summary>
    [Fact]
    public void Errors_of_files_show_their_names_harmlessly()
    {
        if (OperatingSystem.IsWindows()) return;
        using var folder = new TemporaryFolder();
        string name = folder.File("a\u001B[2J\u202E");
        Assert.Contains(@"a\u001B[2J\u202E", Assert.Throws<FileNotFoundException>(() => RegularFile.Open(name)).Message, StringComparison.Ordinal);
        File.WriteAllText(name, "no picture");
        Assert.Contains(@"a\u001B[2J\u202E", Assert.Throws<IOException>(() => RegularFile.ReadAll(name, 1)).Message, StringComparison.Ordinal);
        Assert.Contains(@"a\u001B[2J\u202E", Assert.Throws<InvalidDataException>(() => PngReader.Read(name)).Message, StringComparison.Ordinal);
        Directory.CreateDirectory($"{name}.png");
        Assert.Contains(@"a\u001B[2J\u202E.png", Assert.Throws<IOException>(() => RegularFile.Open($"{name}.png")).Message, StringComparison.Ordinal);
    }
}
