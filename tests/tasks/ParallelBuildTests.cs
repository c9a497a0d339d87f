using System.Security.Cryptography;
using Microsoft.Build.Utilities;
using Specializer.Tasks.Tests.Builds;
using Specializer.Tests;

namespace Specializer.Tasks.Tests;

/// <summary>Builds at the same time, of the same model: one blob, whoever was first.</summary>
public sealed class ParallelBuildTests : IDisposable
{
    private const int Builds = 16, Rounds = 50;

    /// <summary>Rounds of whole builds: each takes minutes on two cores.</summary>
    private static readonly int s_wholeRounds = int.TryParse(Environment.GetEnvironmentVariable("SPECIALIZER_BUILD_ROUNDS"), out int rounds) ? rounds : 1;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Sixteen_at_once_pack_one_blob_and_leave_nothing_else(bool oneFolder)
    {
        TestModel model = new TestModel(_folder.Root).Write();
        var hashes = new HashSet<string>();
        for (int round = 0; round < Rounds; round++)
        {
            string[] folders = [.. Enumerable.Range(0, Builds).Select(i => _folder.File(oneFolder ? $"obj{round}" : $"obj{round}/{i}"))];
            var engines = new FakeBuildEngine[Builds];
            Parallel.For(0, Builds, new ParallelOptions { MaxDegreeOfParallelism = Builds }, i =>
            {
                engines[i] = new();
                var task = new PackCalibratedWeights { BuildEngine = engines[i], Manifests = [new TaskItem(model.ManifestPath)], Folder = new TaskItem(folders[i]) };
                Assert.True(task.Execute(), string.Join(" ", engines[i].Errors.Select(e => e.Message)));
            });
            foreach (string folder in folders.Distinct())
                hashes.Add(Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(Assert.Single(Directory.GetFiles(folder, "*", SearchOption.AllDirectories))))));
            Assert.All(engines, e => Assert.Empty(e.Warnings));
        }

        Assert.Single(hashes);
    }

    [Fact]
    [Trait("Duration", "Long")]
    public void Sixteen_whole_builds_at_once_give_one_program()
    {
        using var source = new ConsumerProject();
        TestModel model = source.AddModel();
        var hashes = new HashSet<string>();
        for (int round = 0; round < s_wholeRounds; round++)
        {
            ConsumerProject[] projects = [.. Enumerable.Range(0, Builds).Select(_ => new ConsumerProject())];
            try
            {
                Parallel.ForEach(projects, new ParallelOptions { MaxDegreeOfParallelism = Builds }, project =>
                {
                    // The model lies in one place for all; where a project lies is in no byte of its program.
                    project.Create($"<TargetFramework>net10.0</TargetFramework><PathMap>{project.Root}=/_/</PathMap><DebugType>none</DebugType>", items: $"<CalibrationManifest Include=\"{model.ManifestPath}\" />");
                    project.Build().AssertSucceeded();
                });
                foreach (ConsumerProject project in projects) hashes.Add(Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(project.File("bin/Release/net10.0/consumer.dll")))));
                Assert.Equal("2 images", projects[round % Builds].Run()[0]);
            }
            finally
            {
                foreach (ConsumerProject project in projects) project.Dispose();
            }
        }

        Assert.Single(hashes);
    }
}
