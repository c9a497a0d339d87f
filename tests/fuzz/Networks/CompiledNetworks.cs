using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Specializer.Generator.Tests;
using Specializer.Manifest;
using Specializer.Packing;

namespace Specializer.Fuzz;

/// <summary>Samplers of artefacts: generated, compiled in one go and loaded in memory.</summary>
internal static class CompiledNetworks
{
    /// <summary>Compiles them; gives for each what loads its sampler.</summary>
    /// <exception cref="InvalidOperationException">The generator refuses one, or the compiler complains; of which manifest is not said.</exception>
    public static Func<Device, Sampler>[] Of(IReadOnlyList<RandomArtifact> networks)
    {
        Generated generated = Print(networks);
        var resources = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        string bindings = "";
        foreach (RandomArtifact network in networks)
        {
            var (name, blob) = Pack(network);
            if (!resources.TryAdd(name, blob)) continue;
            using var digest = new ContentDigest();
            bindings += $"[assembly: {typeof(PackedWeightsAttribute).Namespace}.PackedWeights(\"{name}\", \"{Convert.ToHexString(digest.ComputeHash(blob))}\")]\n";
        }

        using var image = new MemoryStream();
        var emitted = generated.Compilation.AddSyntaxTrees(CSharpSyntaxTree.ParseText(bindings, GeneratorHarness.ParseOptions))
            .WithOptions(new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release))
            .Emit(image, manifestResources: resources.Select(r => new ResourceDescription(r.Key, () => new MemoryStream(r.Value), isPublic: true)));
        if (emitted.Diagnostics.FirstOrDefault(d => d.Severity > DiagnosticSeverity.Info) is { } error) throw new InvalidOperationException($"The compiler says: {error}");
        Assembly assembly = Assembly.Load(image.ToArray());
        return [.. networks.Select((_, i) => assembly.GetType($"N{i}.Drawer")!.GetMethod("Load")!.CreateDelegate<Func<Device, Sampler>>())];
    }

    /// <summary>Lets the generator print them.</summary>
    /// <exception cref="InvalidOperationException">It refuses one; of which manifest is not said.</exception>
    public static Generated Print(IReadOnlyList<RandomArtifact> networks)
    {
        ManifestText[] files = [.. networks.Select((n, i) => new ManifestText($"/src/{i}.calibration.json", n.Text, ("ClassName", "Drawer"), ("Namespace", $"N{i}"), ("Accessibility", "public")))];
        Generated generated = GeneratorHarness.RunFiles("", files);
        return generated.Diagnostics.FirstOrDefault(d => d.Severity == DiagnosticSeverity.Error) is { } refused ? throw new InvalidOperationException($"The generator refuses: {refused}") : generated;
    }

    /// <summary>The blob and its name.</summary>
    private static (string Name, byte[] Blob) Pack(RandomArtifact artifact)
    {
        CalibrationManifest manifest = artifact.Manifest;
        Network network = LinkedNetwork.Of(manifest).Network;
        var key = new WeightKey(network, manifest.Steps.Count, manifest.Weights.Sha256);
        using var blob = new MemoryStream();
        WeightPacker.Pack(network, manifest.Steps.Count, artifact.Tensor, key, blob);
        return (key.ResourceName, blob.ToArray());
    }
}
