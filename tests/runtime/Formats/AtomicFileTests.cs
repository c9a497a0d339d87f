using Specializer.Formats;
using Specializer.Tests;

namespace Specializer.Runtime.Tests.Formats;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void AFailedWriteLeavesTheOldFileAndNothingElse()
    {
        AtomicFile.Write(_folder.File("a"), s => s.WriteByte(1));
        Assert.Throws<InvalidDataException>(() => AtomicFile.Write(_folder.File("a"), s =>
        {
            s.WriteByte(2);
            throw new InvalidDataException();
        }));
        Assert.Equal([1], File.ReadAllBytes(_folder.File("a")));
        Assert.Equal([_folder.File("a")], Directory.GetFileSystemEntries(_folder.Root));
    }

    [Fact]
    public void AnExistingFileIsReplaced()
    {
        File.WriteAllText(_folder.File("a"), "a longer text");
        AtomicFile.Write(_folder.File("a"), s => s.WriteByte(7));
        Assert.Equal([7], File.ReadAllBytes(_folder.File("a")));
        Assert.Single(Directory.GetFileSystemEntries(_folder.Root));
    }

    [Fact]
    public void WhatKilledWritersLeftIsRemovedAndNothingElse()
    {
        string killed = Temporary("a"), alive = Temporary("a"), young = Temporary("a"), others = Temporary("b"), persons = _folder.File("a.notes.tmp");
        foreach (string file in new[] { killed, alive, young, others, persons }) File.WriteAllText(file, "part");
        foreach (string file in new[] { killed, alive, others, persons }) File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddHours(-1));
        // A clock that was put back makes no difference.
        File.SetLastWriteTimeUtc(young, DateTime.UtcNow.AddHours(1));
        using (new FileStream(alive, FileMode.Open, FileAccess.Write, FileShare.None)) AtomicFile.Write(_folder.File("a"), s => s.WriteByte(1));
        Assert.Equal(new[] { _folder.File("a"), alive, OperatingSystem.IsWindows() ? young : "", others, persons }.Where(f => f != "").Order(StringComparer.Ordinal), Directory.GetFiles(_folder.Root).Order(StringComparer.Ordinal));

        string Temporary(string name) => _folder.File($"{name}.{Guid.NewGuid():N}.tmp");
    }

    [Fact]
    public void AMissingFolderIsAnError() =>
        Assert.Throws<DirectoryNotFoundException>(() => AtomicFile.Write(_folder.File("no/such"), _ => { }));
}
