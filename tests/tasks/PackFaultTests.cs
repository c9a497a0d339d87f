using Microsoft.Build.Utilities;
using Specializer.Tests;

namespace Specializer.Tasks.Tests;

/// <summary>Packing on a disk that fails at any one of its operations: an error of its own or the whole blob, and the next build leaves the same bytes and nothing else.</summary>
public sealed class PackFaultTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <param name="limit">Largest blob that becomes a resource: above it there are two files.</param>
    [Theory]
    [InlineData(1 << 20)]
    [InlineData(0)]
    public void Any_operation_may_fail(long limit)
    {
        TestModel model = new TestModel(_folder.File("model")).Write();
        int operations;
        using (var disk = new FaultyDisk())
        {
            Assert.True(Pack(model, "whole", limit).Done);
            operations = disk.Operations;
        }

        Dictionary<string, byte[]> expected = Files("whole");
        Assert.Equal(limit == 0 ? 2 : 1, expected.Count);
        Assert.True(operations > 10);
        foreach (DiskFault fault in FaultyDisk.Faults)
        {
            for (int at = 0; at < operations; at++)
            {
                string folder = $"{fault}{at}";
                // What an earlier build has left is replaced, or stays.
                string stale = _folder.File($"{folder}/embed/stale.weights");
                Directory.CreateDirectory(Path.GetDirectoryName(stale)!);
                File.WriteAllText(stale, "");
                bool done;
                FakeBuildEngine engine;
                string failed;
                using (var disk = new FaultyDisk(fault, at, _folder.File(folder)))
                {
                    (done, engine) = Pack(model, folder, limit);
                    failed = $"operation {at} of {operations}, {fault}: {disk.Failed}";
                }

                Assert.True(done || fault == DiskFault.Killed || engine.Errors.Count == 1, $"{failed}: no word of it");
                Dictionary<string, byte[]> left = Files(folder);
                Assert.True(!done || fault == DiskFault.Vanished || expected.Keys.All(left.ContainsKey), $"{failed}: succeeded without a blob");
                foreach (var (name, bytes) in left.Where(f => expected.ContainsKey(f.Key))) Assert.True(expected[name].AsSpan().SequenceEqual(bytes), $"{failed}: {name} is not whole");
                string[] open = OpenFiles.Of(_folder.Root);
                Assert.True(open.Length == 0, $"{failed}: {string.Join(", ", open)} stays open");
                Assert.True(Pack(model, folder, limit).Done, $"{failed}: cannot be built again");
                Assert.Equal(expected, Files(folder));
            }
        }
    }

    private Dictionary<string, byte[]> Files(string folder)
    {
        string root = _folder.File(folder);
        return !Directory.Exists(root) ? [] : Directory.GetFiles(root, "*", SearchOption.AllDirectories).ToDictionary(f => Path.GetRelativePath(root, f), File.ReadAllBytes);
    }

    private (bool Done, FakeBuildEngine Engine) Pack(TestModel model, string folder, long limit)
    {
        var engine = new FakeBuildEngine();
        var task = new PackCalibratedWeights { BuildEngine = engine, Manifests = [new TaskItem(model.ManifestPath)], EmbedLimit = limit, Folder = new TaskItem(_folder.File(folder)) };
        try
        {
            return (task.Execute(), engine);
        }
        catch (KilledException)
        {
            return (false, engine);
        }
    }
}
