using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Specializer.Generator.Emit;
using Specializer.Generator.Model;
using Specializer.Generator.Parsing;
using Specializer.Manifest;
using Specializer.Packing;

namespace Specializer.Generator.Tests;

/// <summary>A sampler from a synthetic manifest: generated, compiled and loaded in memory.</summary>
internal static class CompiledSampler
{
    /// <param name="manifest">The manifest.</param>
    /// <param name="weights">Packed for it.</param>
    /// <param name="device">Where it runs; null for a device of its own.</param>
    /// <param name="edit">What is done to the printed source; null for nothing.</param>
    public static Sampler Load(string manifest, byte[] weights, Device? device = null, Func<string, string>? edit = null)
    {
        var file = new ManifestFile("/src/tiny.calibration.json", manifest, true, "Consumer", "Drawer", "public", "");
        var model = (SamplerModel)SamplerParser.Parse(file, new ProjectFacts(true, false, null), default).Type!;
        using var digest = new ContentDigest();
        string binding = $"[assembly: global::Specializer.CompilerServices.PackedWeights(\"{model.Resource}\", \"{Convert.ToHexString(digest.ComputeHash(weights))}\")]";
        string source = SamplerEmitter.Emit(model, default);
        CSharpCompilation compilation = GeneratorHarness.Compilation(edit?.Invoke(source) ?? source)
            .AddSyntaxTrees(CSharpSyntaxTree.ParseText(binding, GeneratorHarness.ParseOptions))
            .WithOptions(new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release));
        using var image = new MemoryStream();
        var emitted = compilation.Emit(image, manifestResources: [new ResourceDescription(model.Resource, () => new MemoryStream(weights), isPublic: true)]);
        Assert.Empty(emitted.Diagnostics.Where(d => d.Severity > DiagnosticSeverity.Info));
        MethodInfo load = Assembly.Load(image.ToArray()).GetType("Consumer.Drawer")!.GetMethod("Load")!;
        try
        {
            return (Sampler)load.Invoke(null, [device])!;
        }
        catch (TargetInvocationException e)
        {
            throw e.InnerException!;
        }
    }

    /// <summary>Random weights, the same each time.</summary>
    /// <param name="manifest">The manifest.</param>
    /// <param name="firstRow">Row of the time table that becomes its first.</param>
    public static byte[] Pack(string manifest, int firstRow = 0)
    {
        CalibrationManifest read = ManifestReader.Read(manifest).Manifest!;
        Network network = LinkedNetwork.Of(read).Network;
        IReadOnlyDictionary<string, WeightTensor> tensors = WeightTensors.Of(network, read.Steps.Count);
        using var blob = new MemoryStream();
        WeightPacker.Pack(network, read.Steps.Count, Tensor, new(network, read.Steps.Count, read.Weights.Sha256), blob);
        return blob.ToArray();

        // 4-bit elements lie in [-7, 7]: the nibble 8 is none.
        byte[] Tensor(string name, long length)
        {
            var random = new Random(name.Length);
            string type = tensors[name].Type;
            for (int skipped = name == "embedding.vectors" ? firstRow * network.Embedding.Vectors : 0; skipped > 0; skipped--) random.NextSingle();
            if (type == "F16") return [.. Enumerable.Range(0, (int)length / 2).SelectMany(_ => BitConverter.GetBytes((Half)(random.NextSingle() * 0.125f)))];
            if (type == "F32") return [.. Enumerable.Range(0, (int)length / 4).SelectMany(_ => BitConverter.GetBytes(random.NextSingle() * 0.125f))];
            return [.. Enumerable.Range(0, (int)length).Select(_ => (byte)(random.Next(1, 8) | (random.Next(1, 8) << 4)))];
        }
    }
}
