using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Specializer.Manifest;
using Specializer.Packing;
using Specializer.Tasks.Tests.Packing;

namespace Specializer.Tasks.Tests;

/// <summary>Writes a calibrated model of three convolutions and two steps: small, but with every kind of tensor file that a task meets.</summary>
/// <param name="folder">Where.</param>
/// <param name="name">Of the model and its files.</param>
/// <param name="seed">Other weights for another seed.</param>
internal sealed class TestModel(string folder, string name = "tiny", int seed = 1)
{
    public string ManifestPath => Path.Combine(folder, $"{name}.calibration.json");

    public string WeightsPath => Path.Combine(folder, WeightsFile);

    public string WeightsFile => $"{name}.weights.safetensors";

    public static Network Network { get; } = ManifestReader.Read(Json("tiny", new string('0', 64), 0)).Manifest!.Network;

    public const int Steps = 2;

    /// <summary>Valid bytes for every tensor.</summary>
    public Dictionary<string, byte[]> Tensors { get; } = TestNetworks.Weights(Network, Steps, seed);

    public WeightKey Key => new(Network, Steps, Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(WeightsPath))));

    public string ResourceName => Key.ResourceName;

    /// <summary>Writes both files.</summary>
    public TestModel Write()
    {
        Directory.CreateDirectory(folder);
        WriteWeights(Safetensors(WeightTensors.Of(Network, Steps).Values, Tensors));
        return this;
    }

    /// <summary>Writes these bytes as the weights file, and a manifest that means them.</summary>
    public void WriteWeights(byte[] file)
    {
        File.WriteAllBytes(WeightsPath, file);
        WriteManifest(Convert.ToHexStringLower(SHA256.HashData(file)), file.Length);
    }

    public void WriteManifest(string sha256, long bytes) => File.WriteAllText(ManifestPath, Json(name, sha256, bytes));

    public void EditManifest(Func<string, string> edit)
    {
        string text = File.ReadAllText(ManifestPath), edited = edit(text);
        Assert.NotEqual(text, edited);
        File.WriteAllText(ManifestPath, edited);
    }

    public static byte[] Safetensors(IEnumerable<WeightTensor> tensors, IReadOnlyDictionary<string, byte[]> contents)
    {
        var header = new Dictionary<string, object> { ["__metadata__"] = new Dictionary<string, string> { ["format"] = "pt" } };
        var data = new MemoryStream();
        foreach (WeightTensor tensor in tensors)
        {
            long start = data.Length;
            data.Write(contents[tensor.Name]);
            header[tensor.Name] = new { dtype = tensor.Type, shape = tensor.Shape, data_offsets = new[] { start, data.Length } };
        }

        return Safetensors(JsonSerializer.Serialize(header), data.ToArray());
    }

    public static byte[] Safetensors(string header, byte[] data)
    {
        byte[] text = Encoding.UTF8.GetBytes(header);
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
        return [.. length, .. text, .. data];
    }

    private static string Json(string name, string sha256, long bytes) => $$"""
        {
          "schemaVersion": 2,
          "model": { "name": "{{name}}", "architecture": "UNet2DModel", "sha256": "{{new string('a', 64)}}", "parameters": 100,
                     "height": 4, "width": 4, "channels": 1, "classes": 0, "nullLabel": -1 },
          "scheduler": { "family": "ddpm", "settings": {} },
          "sampling": { "guidance": 1, "guidanceMinimum": 1, "guidanceMaximum": 1,
                        "meanCorrection": "divide", "clampK": true, "varianceCorrection": true, "policy": "uniform",
                        "multiplyAccumulates": 1000, "bitOperationsSaved": 20 },
          "solver": { "begin": [{ "op": "draw", "target": "z0", "draw": -1 }, { "op": "sum", "target": "x", "of": ["z0"], "by": [1] }], "end": [] },
          "weights": {
            "file": "{{name}}.weights.safetensors",
            "sha256": "{{sha256}}",
            "bytes": {{bytes.ToString(CultureInfo.InvariantCulture)}}
          },
          "network": {
            "latent": "latent", "epsilon": "epsilon",
            "maps": [
              { "name": "latent", "height": 4, "width": 4, "channels": 1, "type": "float32" },
              { "name": "q0", "height": 4, "width": 4, "channels": 1, "type": "quantized16" },
              { "name": "h0", "height": 4, "width": 4, "channels": 4, "type": "float32" },
              { "name": "q1", "height": 4, "width": 4, "channels": 4, "type": "quantized8" },
              { "name": "h1", "height": 4, "width": 4, "channels": 5, "type": "float32" },
              { "name": "epsilon", "height": 4, "width": 4, "channels": 1, "type": "float32" } ],
            "embedding": { "width": 0, "classes": 0, "vectors": 5 },
            "operations": [
              { "op": "quantize", "name": "conv_in.quantize", "input": "latent", "output": "q0" },
              { "op": "convolution", "name": "conv_in", "input": "q0", "output": "h0", "residual": null, "kernelSize": 3, "stride": 1,
                "paddingTop": 1, "paddingLeft": 1, "upsample": 1, "weightBits": 8, "vector": -1, "outputScale": 1 },
              { "op": "groupNorm", "name": "norm", "input": "h0", "output": "q1", "skip": null, "skipOutput": null, "groups": 2, "epsilon": 1e-5, "silu": true },
              { "op": "convolution", "name": "conv_mid", "input": "q1", "output": "h1", "residual": null, "kernelSize": 3, "stride": 1,
                "paddingTop": 1, "paddingLeft": 1, "upsample": 1, "weightBits": 4, "vector": 0, "outputScale": 1 },
              { "op": "convolution", "name": "conv_out", "input": "h1", "output": "epsilon", "residual": null, "kernelSize": 1, "stride": 1,
                "paddingTop": 0, "paddingLeft": 0, "upsample": 1, "weightBits": 32, "vector": -1, "outputScale": 1 } ]
          },
          "steps": [
            {{Step(500)}},
            {{Step(0)}} ],
          "provenance": { "tool": "specializer", "version": "0.1.0", "options": [], "trajectories": 1, "firstSeed": 0 }
        }
        """;

    private static string Step(int timestep) => $$"""
        { "timestep": {{timestep}}, "inputScale": 1, "activationBits": 8, "calibratedSigma": 0.09, "lambda": 0.1, "k": -0.01, "rSquared": 0.3,
              "noiseVariance": 0.0004, "snrDb": 28.6, "gain": 1, "offset": [0.001],
              "statements": [
                { "op": "sum", "target": "d", "of": ["x", "m"], "by": [1.0, -0.1] }, { "op": "clip", "target": "d", "bound": 1 }, { "op": "draw", "target": "z0", "draw": {{(timestep == 0 ? 1 : 0)}} },
                { "op": "sum", "target": "x", "of": ["x", "d", "z0"], "by": [0.9, 0.1, 0.1] } ],
              "scales": [0.01, 0.02], "zeroPoints": [128, 100], "levels": [255, 255] }
        """;
}
