using Microsoft.Build.Utilities;
using Specializer.Tests;

namespace Specializer.Tasks.Tests;

/// <summary>Packing on a disk that fails at any one of its operations: an error of its own or the whole blob, and the next build leaves the same bytes and nothing else.</summary>
public sealed class PackFaultTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Any_operation_may_fail()
    {
        TestModel model = new TestModel(_folder.Root).Write();
        string blob = Path.Combine("embed", model.ResourceName);
        int operations;
        using (var disk = new FaultyDisk())
        {
            Assert.True(Pack(model, "whole").Done);
            operations = disk.Operations;
        }

        byte[] expected = File.ReadAllBytes(_folder.File($"whole/{blob}"));
        Assert.True(operations > 10);
        foreach (DiskFault fault in FaultyDisk.Faults)
        {
            for (int at = 0; at < operations; at++)
            {
                string folder = $"{fault}{at}", place = _folder.File($"{folder}/{blob}");
                // What an earlier build has left is replaced, or stays.
                Directory.CreateDirectory(Path.GetDirectoryName(place)!);
                string stale = _folder.File($"{folder}/embed/stale.weights");
                File.WriteAllText(stale, "");
                bool done;
                FakeBuildEngine engine;
                string failed;
                using (var disk = new FaultyDisk(fault, at, _folder.File(folder)))
                {
                    (done, engine) = Pack(model, folder);
                    failed = $"operation {at} of {operations}, {fault}: {disk.Failed}";
                }

                Assert.True(done || fault == DiskFault.Killed || engine.Errors.Count == 1, $"{failed}: no word of it");
                Assert.True(!done || fault == DiskFault.Vanished || File.Exists(place), $"{failed}: succeeded without a blob");
                if (File.Exists(place)) Assert.True(expected.AsSpan().SequenceEqual(File.ReadAllBytes(place)), $"{failed}: the blob is not whole");
                Assert.True(Pack(model, folder).Done, $"{failed}: cannot be built again");
                Assert.Equal([place], Directory.GetFiles(_folder.File(folder), "*", SearchOption.AllDirectories));
                Assert.Equal(expected, File.ReadAllBytes(place));
            }
        }
    }

    private (bool Done, FakeBuildEngine Engine) Pack(TestModel model, string folder)
    {
        var engine = new FakeBuildEngine();
        var task = new PackCalibratedWeights { BuildEngine = engine, Manifests = [new TaskItem(model.ManifestPath)], Folder = new TaskItem(_folder.File(folder)) };
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
