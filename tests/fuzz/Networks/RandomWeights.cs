using System.Runtime.InteropServices;
using Specializer.Manifest;
using Specializer.Packing;

namespace Specializer.Fuzz;

/// <summary>Weights for any manifest, the same each time.</summary>
internal static class RandomWeights
{
    /// <summary>Gives a tensor's bytes.</summary>
    public static Func<string, long, byte[]> Tensor(CalibrationManifest manifest)
    {
        Network network = LinkedNetwork.Of(manifest).Network;
        IReadOnlyDictionary<string, WeightTensor> tensors = WeightTensors.Of(network, manifest.Steps.Count);
        return (name, length) =>
        {
            var random = new Random(name.Aggregate(17, (hash, c) => 31 * hash + c));
            if (tensors[name].Type == "F32") return [.. Enumerable.Range(0, (int)length / 4).SelectMany(_ => BitConverter.GetBytes(name.EndsWith(".scale", StringComparison.Ordinal) ? 0.001f + 0.02f * random.NextSingle() : (random.NextSingle() - 0.4f) * 0.25f))];
            if (tensors[name].Type == "F16") return [.. Enumerable.Range(0, (int)length / 2).SelectMany(_ => BitConverter.GetBytes((Half)((random.NextSingle() - 0.4f) * 0.25f)))];
            // Elements of 4 bits lie in [−7, 7]: the nibble 8 is none. An odd number of them leaves half a byte of each output channel unused.
            byte[] bytes = [.. Enumerable.Range(0, (int)length).Select(_ => (byte)(Nibble(random) | Nibble(random) << 4))];
            ConvolutionOperation convolution = network.Operations.OfType<ConvolutionOperation>().Single(c => name == $"{c.Name}.weight");
            int elements = network.Maps.Single(m => m.Name == convolution.Input).Channels * convolution.KernelSize * convolution.KernelSize, row = (elements + 1) / 2;
            if (convolution.WeightBits == 4 && elements % 2 == 1)
                for (int last = row - 1; last < bytes.Length; last += row) bytes[last] &= 0xF;
            return bytes;
        };
    }

    /// <summary>What a tensor's bytes stand for. 4-bit weights come as they lie, the half of a byte that a row leaves unused with them.</summary>
    public static float[] Numbers(WeightTensor tensor, byte[] bytes) => tensor.Type switch
    {
        "F32" => MemoryMarshal.Cast<byte, float>(bytes).ToArray(),
        "F16" => [.. MemoryMarshal.Cast<byte, Half>(bytes).ToArray().Select(h => (float)h)],
        "I8" => [.. bytes.Select(b => (float)(sbyte)b)],
        _ => [.. bytes.SelectMany(b => (float[])[(sbyte)(b << 4) >> 4, (sbyte)b >> 4])],
    };

    private static int Nibble(Random random) => random.Next(15) is var n && n >= 8 ? n + 1 : n;
}
