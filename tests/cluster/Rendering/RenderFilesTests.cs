using System.Text;
using Specializer.Tests;

namespace Specializer.Cluster.Tests;

/// <summary>The list of hashes, put together from what units have left.</summary>
public sealed class RenderFilesTests
{
    private const string Job = "job";

    [Fact]
    public async Task A_pipe_makes_nobody_wait()
    {
        if (OperatingSystem.IsWindows()) return;
        using var folder = new TemporaryFolder();
        var store = new FolderPictureStore(folder.Root);
        await store.WriteAsync(Job, "other", default, default);
        CommandResult.Run(folder.Root, "mkfifo", [folder.File($"{Job}/pipe")]).AssertSucceeded();
        Assert.Contains("is a pipe", (await Assert.ThrowsAsync<IOException>(async () => await store.ReadAsync(Job, "pipe", default))).Message, StringComparison.Ordinal);
    }

    // A unit that lost its lease left its file, too; of another the hashes of some pictures come twice.
    [Theory]
    [InlineData("0-4 4-4 8-2")]
    [InlineData("0-4 0-8 4-4 8-2")]
    [InlineData("0-4 2-8 4-4 8-2")]
    [InlineData("0-4 3-4 7-1 8-1 9-1 8-2")]
    public async Task Whatever_units_have_left_each_picture_is_listed_once(string units)
    {
        using var folder = new TemporaryFolder();
        var store = new FolderPictureStore(folder.Root);
        foreach (string unit in units.Split(' ')) await Leave(store, unit);
        await store.WriteAsync(Job, "unit-0000000-3.killed.tmp", default, default);

        await RenderFiles.Finish(store, Job, 10, default);

        Assert.Equal(string.Concat(Enumerable.Range(0, 10).Select(Line)), Encoding.ASCII.GetString((await store.ReadAsync(Job, RenderFiles.Sums, default))!));
        Assert.Equal(["unit-0000000-3.killed.tmp"], await store.ListAsync(Job, "unit-", default));
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData("4-6", 0)]
    [InlineData("0-4 5-5", 4)]
    [InlineData("0-4 4-4", 8)]
    [InlineData("0-4 4-7", 4)]
    public async Task Hashes_that_are_missing_are_named(string units, int missing)
    {
        using var folder = new TemporaryFolder();
        var store = new FolderPictureStore(folder.Root);
        foreach (string unit in units.Split(' ', StringSplitOptions.RemoveEmptyEntries)) await Leave(store, unit);

        Assert.Contains($"picture {missing} of 10 ", (await Assert.ThrowsAsync<InvalidDataException>(() => RenderFiles.Finish(store, Job, 10, default))).Message, StringComparison.Ordinal);
        Assert.Null(await store.ReadAsync(Job, RenderFiles.Sums, default));
    }

    private static async Task Leave(FolderPictureStore store, string unit)
    {
        int[] numbers = [.. unit.Split('-').Select(int.Parse)];
        var range = new PictureRange(numbers[0], numbers[1]);
        await store.WriteAsync(Job, RenderFiles.Unit(range), RenderFiles.Hashes(Enumerable.Range(range.First, range.Count).Select(Line)), default);
    }

    private static string Line(int picture) => RenderFiles.Line(picture, Encoding.ASCII.GetBytes($"{picture}"));
}
