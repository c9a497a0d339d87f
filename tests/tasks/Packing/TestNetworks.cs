using System.Buffers.Binary;
using Specializer.Manifest;
using Specializer.Packing;

namespace Specializer.Tasks.Tests.Packing;

/// <summary>Small networks, and weights for them that differ in every element.</summary>
internal static class TestNetworks
{
    public static Network Convolution(int inputs, int outputs, int kernelSize, int bits) => new(
        "latent", "epsilon",
        new([
            new("latent", 4, 4, inputs, MapType.Float32),
            new("q", 4, 4, inputs, bits == 4 ? MapType.Quantized8 : MapType.Quantized16),
            new("epsilon", 4, 4, outputs, MapType.Float32),
        ]),
        new(0, 0, 0),
        new([
            new QuantizeOperation("quantize", "latent", "q"),
            new ConvolutionOperation("conv", bits >= 16 ? "latent" : "q", "epsilon", null, kernelSize, 1, kernelSize / 2, kernelSize / 2, 1, bits, -1, new("1")),
        ]));

    public static Network Lookup(int rows, int channels, int bits) => new(
        "ids", "rows", new([new("ids", 1, 5, 1, MapType.Float32), new("rows", 1, 5, channels, MapType.Float32)]), new(0, 0, 0),
        new([new LookupOperation("words", "ids", "rows", rows) { TableBits = bits }]));

    public static Network GroupNorm(int channels, int skipChannels) => new(
        "latent", "epsilon",
        new([
            new("latent", 4, 4, channels, MapType.Float32),
            new("skip", 4, 4, Math.Max(1, skipChannels), MapType.Float32),
            new("epsilon", 4, 4, channels, MapType.Float32),
            new("skipOutput", 4, 4, Math.Max(1, skipChannels), MapType.Float32),
        ]),
        new(0, 0, 0),
        new([new GroupNormOperation("norm", "latent", "epsilon", skipChannels == 0 ? null : "skip", skipChannels == 0 ? null : "skipOutput", 1, new("1e-5"), true)]));

    public static Network Embedding(int width, int classes, int vectors) => new(
        "latent", "latent", new([new("latent", 4, 4, 1, MapType.Float32)]), new(width, classes, vectors), default);

    /// <summary>Valid bytes for every tensor of the network, from a fixed seed.</summary>
    public static Dictionary<string, byte[]> Weights(Network network, int steps, int seed = 1)
    {
        var random = new Random(seed);
        var tensors = new Dictionary<string, byte[]>();
        foreach (WeightTensor tensor in WeightTensors.Of(network, steps).Values)
        {
            var bytes = new byte[tensor.Bytes];
            if (tensor.Type == "F32")
            {
                for (int i = 0; i < bytes.Length; i += 4)
                {
                    float value = tensor.Name.EndsWith(".scale", StringComparison.Ordinal) ? random.NextSingle() + 0.001f : random.NextSingle() * 2 - 1;
                    BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i), value);
                }
            }
            else if (tensor.Type == "F16")
            {
                for (int i = 0; i < bytes.Length; i += 2) BinaryPrimitives.WriteHalfLittleEndian(bytes.AsSpan(i), (Half)(random.NextSingle() * 2 - 1));
            }
            else if (tensor.Type == "I8")
            {
                for (int i = 0; i < bytes.Length; i++) bytes[i] = (byte)random.Next(-127, 128);
            }
            else
            {
                var convolution = network.Operations.OfType<ConvolutionOperation>().Single(c => tensor.Name == $"{c.Name}.weight");
                int row = convolution.KernelSize * convolution.KernelSize * network.Maps.Single(m => m.Name == convolution.Input).Channels;
                int rowBytes = (row + 1) / 2;
                for (int i = 0; i < bytes.Length; i++)
                {
                    int low = random.Next(-7, 8) & 15, high = random.Next(-7, 8) & 15;
                    bool lastOfOddRow = row % 2 == 1 && i % rowBytes == rowBytes - 1;
                    bytes[i] = (byte)(lastOfOddRow ? low : low | high << 4);
                }
            }

            tensors.Add(tensor.Name, bytes);
        }

        return tensors;
    }

    /// <summary>Stands for the hash of a weights file that these tests do not write.</summary>
    public static string WeightsSha256 { get; } = new('c', 64);

    public static byte[] Pack(Network network, int steps, Dictionary<string, byte[]> tensors)
    {
        using var stream = new MemoryStream();
        WeightPacker.Pack(network, steps, (name, _) => tensors[name], new(network, steps, WeightsSha256), stream);
        return stream.ToArray();
    }

    public static float Float(byte[] bytes, int index) => BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(4 * index));

    public static float[] Floats(byte[] bytes) => [.. Enumerable.Range(0, bytes.Length / 4).Select(i => Float(bytes, i))];
}
