using Specializer.Tests;

namespace Specializer.Calibration.Tests;

public class AppendedFileTests
{
    private static readonly byte[] s_header = [1, 2, 3];

    [Fact]
    public void Wherever_it_is_cut_off_or_damaged_what_is_whole_before_stays_and_grows_on()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("file");
        long second = 0, end;
        AppendedFile file = Open();
        file.Append(w => w.Write(10));
        second = file.Append(w => w.Write(20L));
        end = new FileInfo(path).Length;
        byte[] whole = File.ReadAllBytes(path);
        for (int length = (int)second; length < end; length++)
        {
            File.WriteAllBytes(path, whole[..length]);
            Check();
            byte[] damaged = [.. whole];
            damaged[length] ^= 1;
            File.WriteAllBytes(path, damaged);
            Check();
        }

        AppendedFile Open() => new(path, s_header, reason => Assert.Fail(reason));

        void Check()
        {
            AppendedFile again = Open();
            var found = new List<int>();
            again.ReadAll((_, r) => found.Add(r.ReadInt32()));
            Assert.Equal([10], found);
            long at = again.Append(w => w.Write(30));
            Assert.Equal((second, 30), (at, again.Read(at, r => r.ReadInt32())));
        }
    }

    [Fact]
    public void What_is_not_wanted_is_cut_off()
    {
        using var folder = new TemporaryFolder();
        var file = new AppendedFile(folder.File("file"), s_header, Assert.Fail);
        for (int i = 0; i < 3; i++) file.Append(w => w.Write(i));
        var found = new List<int>();
        file.ReadAll((_, r) => found.Add(r.ReadInt32()), 1);
        file.Append(w => w.Write(9));
        file.ReadAll((_, r) => found.Add(r.ReadInt32()));
        Assert.Equal([0, 0, 9], found);
    }

    [Fact]
    public void Another_calibration_s_file_starts_anew_with_a_word()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("file"), said = "";
        new AppendedFile(path, s_header, _ => { }).Append(w => w.Write(10));
        var other = new AppendedFile(path, [1, 2, 4], reason => said = reason);
        other.ReadAll((_, _) => Assert.Fail("nothing is taken"));
        Assert.Contains("another model", said, StringComparison.Ordinal);
    }

    /// <summary>Whose the other file is nobody knows: it had been cut to nothing and written over.</summary>
    [Theory]
    [InlineData("another's", true)]
    [InlineData("another's", false)]
    [InlineData("nothing", true)]
    public void A_link_is_not_followed(string target, bool fresh)
    {
        if (OperatingSystem.IsWindows()) return;
        using var folder = new TemporaryFolder();
        string path = folder.File("file"), other = folder.File("another's");
        File.WriteAllText(other, "another's content");
        var file = fresh ? null : new AppendedFile(path, s_header, Assert.Fail);
        File.Delete(path);
        File.CreateSymbolicLink(path, folder.File(target));
        string message = Assert.Throws<IOException>(() => (file ?? new AppendedFile(path, s_header, Assert.Fail)).Append(_ => { })).Message;
        Assert.StartsWith($"'{path}' is a link", message, StringComparison.Ordinal);
        Assert.Equal("another's content", File.ReadAllText(other));
        Assert.False(File.Exists(folder.File("nothing")));
    }

    [Fact]
    public void Pipes_and_folders_are_refused_at_once()
    {
        if (OperatingSystem.IsWindows()) return;
        using var folder = new TemporaryFolder();
        CommandResult.Run(folder.Root, "mkfifo", ["pipe"]).AssertSucceeded();
        string pipe = Assert.Throws<IOException>(() => new AppendedFile(folder.File("pipe"), s_header, Assert.Fail)).Message;
        Assert.StartsWith($"'{folder.File("pipe")}' is a pipe", pipe, StringComparison.Ordinal);
        Assert.Contains("is a folder", Assert.Throws<IOException>(() => new AppendedFile(folder.Root, s_header, Assert.Fail)).Message, StringComparison.Ordinal);
    }
}
