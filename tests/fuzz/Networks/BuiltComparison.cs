using System.Runtime.InteropServices;
using Specializer.Calibration;
using Specializer.Formats;
using Specializer.Manifest;
using Specializer.Packing;
using Specializer.Tasks.Tests.Builds;
using Specializer.Tests;

namespace Specializer.Fuzz;

/// <summary>Artefacts of a project that <c>dotnet build</c> builds, and whose program draws on one thread and on three, beside the interpreter, which reads the same files: the same bits.
/// The task verifies and packs, the generator runs within the compiler, and weights lie in the program or beside it.</summary>
internal sealed class BuiltComparison : IComparison
{
    /// <summary>Bytes of packed weights, of which some networks have less and others more.</summary>
    private const int EmbedLimit = 16384;

    private static readonly int[] s_threads = [1, 3];

    private readonly CpuDevice _device = new(1);
    private int _builds, _beside;

    public string Name => "build";

    public int Batch => 64;

    public string Remark => $"in {_builds} projects, with the weights of {_beside} beside the program; built and interpreted compared bit for bit, on one thread and on three";

    /// <summary>One project for all.</summary>
    public string?[] Faults(IReadOnlyList<RandomArtifact> networks)
    {
        using var project = new ConsumerProject();
        string[] manifests = [.. networks.Select((n, i) => Write(project, $"n{i}", n))];
        project.Create($"<TargetFramework>net10.0</TargetFramework><SpecializerEmbedLimit>{EmbedLimit}</SpecializerEmbedLimit>");
        project.Write("Program.cs", Program([.. networks.Select(n => n.Manifest)]));
        CommandResult result = project.Build("-warnaserror");
        _builds++;
        if (result.ExitCode == 0) result = CommandResult.Run(project.Root, "dotnet", [project.File("bin/Release/net10.0/consumer.dll")]);
        if (result.ExitCode != 0)
        {
            // Whose fault it is is seen in halves.
            if (networks.Count > 1) return [.. networks.Chunk((networks.Count + 1) / 2).SelectMany(Faults)];
            return [result.Errors is { Length: > 0 } errors ? string.Join(Environment.NewLine, errors) : result.Output];
        }

        _beside += project.PackedWeights("bin").Length;
        return [.. networks.Select((n, i) => Difference(project, i, InterpretedPictures(manifests[i], n.Manifest)))];
    }

    /// <summary>Writes an artefact as a calibration does; returns its manifest's path.</summary>
    private static string Write(ConsumerProject project, string name, RandomArtifact network)
    {
        var weights = new SafetensorsWriter();
        CalibrationManifest manifest = network.Manifest;
        foreach (WeightTensor tensor in WeightTensors.Of(LinkedNetwork.Of(manifest).Network, manifest.Steps.Count).Values)
            weights.Add(tensor.Name, DTypes.Find(tensor.Type)!.Value, [.. tensor.Shape], stream => stream.Write(network.Tensor(tensor.Name, tensor.Bytes)));
        string folder = Directory.CreateDirectory(project.File(ConsumerProject.Models)).FullName;
        return ArtifactWriter.Write(folder, manifest with { Model = manifest.Model with { Name = name } }, weights).Path;
    }

    private static string Program(IReadOnlyList<CalibrationManifest> manifests) => $$"""
        using System.Runtime.InteropServices;
        using consumer;
        using Specializer;

        (Func<Device, Sampler> Load, SampleOptions Options)[] networks =
        [
        {{string.Join("\n", manifests.Select((m, i) => $"    (N{i}Sampler.Load, {Pictures.Source(m)}),"))}}
        ];
        foreach (int threads in (int[])[{{string.Join(", ", s_threads)}}])
        {
            using var device = new CpuDevice(threads);
            for (int i = 0; i < networks.Length; i++)
            {
                using Sampler sampler = networks[i].Load(device);
                File.WriteAllBytes($"{i}.{threads}.pictures", MemoryMarshal.AsBytes(sampler.Sample(networks[i].Options).Pixels.Span));
            }
        }
        """;

    private float[] InterpretedPictures(string path, CalibrationManifest manifest)
    {
        using Sampler sampler = InterpretedSampler.FromArtifact(path, _device);
        return sampler.Sample(Pictures.Of(manifest)).Pixels.ToArray();
    }

    private static string? Difference(ConsumerProject project, int network, float[] expected) => s_threads
        .Select(threads => Pictures.Difference(expected, MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(project.File($"{network}.{threads}.pictures"))), $"Built, on {threads} threads", "interpreted"))
        .FirstOrDefault(d => d is not null);

    public void Dispose() => _device.Dispose();
}
