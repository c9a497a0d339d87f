using Specializer.Calibration.Tests;
using Specializer.Tests;

namespace Specializer.Tasks.Tests;

/// <summary>Packing, in a process of its own, on real disks that are full or read-only: an error in a line, and no part of a blob.</summary>
public sealed class PackSmallDiskTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private int _runs;

    public void Dispose() => _folder.Dispose();

    [MountTheory]
    [Trait("Duration", "Long")]
    [InlineData(1 << 20)]
    [InlineData(0)]
    public void A_disk_may_end_anywhere(long limit)
    {
        TestModel model = new TestModel(_folder.File("model")).Write();
        (int code, string output, Dictionary<string, byte[]> expected) = Pack(model, limit, "size=1m");
        Assert.True(code == 0, output);
        for (int pages = 1; code != 0 || pages == 1; pages++)
        {
            (code, output, Dictionary<string, byte[]> left) = Pack(model, limit, $"size={4 * pages}k");
            Assert.True(code == 0 ? left.Count == expected.Count : output.Contains("error SPZ", StringComparison.Ordinal), $"{pages} pages, exit code {code}: {output}");
            Assert.All(left, f => Assert.True(f.Value.AsSpan().SequenceEqual(expected[f.Key]), $"{pages} pages: {f.Key} is there, and is not whole"));
        }

        (code, output, expected) = Pack(model, limit, "ro");
        Assert.True(code != 0 && output.Contains("error SPZ", StringComparison.Ordinal), output);
        Assert.Empty(expected);
    }

    private (int Code, string Output, Dictionary<string, byte[]> Left) Pack(TestModel model, long limit, string disk)
    {
        string folder = Directory.CreateDirectory(_folder.File($"{_runs++}")).FullName;
        File.WriteAllText(Path.Combine(folder, "pack.proj"), $"""
            <Project>
              <UsingTask TaskName="{typeof(PackCalibratedWeights).FullName}" AssemblyFile="{typeof(PackCalibratedWeights).Assembly.Location}" />
              <Target Name="Pack">
                <PackCalibratedWeights Manifests="{model.ManifestPath}" Folder="{SmallDisk.Place}/packed" EmbedLimit="{limit}" />
              </Target>
            </Project>
            """);
        CommandResult result = SmallDisk.Run(folder, disk, "dotnet", "msbuild", "pack.proj", "-nologo", "-verbosity:quiet");
        string kept = Path.Combine(folder, SmallDisk.Kept);
        return (result.ExitCode, result.Output, Directory.GetFiles(kept, "*", SearchOption.AllDirectories).ToDictionary(f => Path.GetRelativePath(kept, f), File.ReadAllBytes));
    }
}
