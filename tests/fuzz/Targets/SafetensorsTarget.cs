using System.Buffers.Binary;
using System.Security.Cryptography;
using Specializer.Formats;
using Specializer.Manifest;
using Specializer.Packing;

namespace Specializer.Fuzz;

/// <summary>Opens safetensors files and reads every byte of every tensor, as the runtime and as the build task.</summary>
internal sealed class SafetensorsTarget : FuzzTarget
{
    private const int PrefixBytes = 8;

    private readonly ScratchFile _file = new("input");

    public override string Name => "safetensors";

    public override IEnumerable<byte[]> Seeds
    {
        get
        {
            var writer = new SafetensorsWriter();
            writer.AddMetadata("format", "pt");
            writer.Add("conv.weight", new float[] { 1, 2, 3, 4, 5, 6 }, 2, 3);
            writer.Add("conv.packed", new byte[] { 1, 2, 3 }, 3);
            writer.Add("scalar", new long[] { 1 });
            writer.Add("empty", Array.Empty<int>(), 0, 4);
            using var stream = new MemoryStream();
            writer.Write(stream);
            yield return stream.ToArray();
        }
    }

    public override byte[] Mutate(byte[] input, Mutator mutator)
    {
        if (input.Length < PrefixBytes || mutator.Random.Next(4) == 0) return mutator.Bytes(input);
        long length = (long)Math.Min(BinaryPrimitives.ReadUInt64LittleEndian(input), (ulong)(input.Length - PrefixBytes));
        byte[] header = mutator.Json(input.AsMemory(PrefixBytes, (int)length));
        byte[] output = [.. new byte[PrefixBytes], .. header, .. input[(int)(PrefixBytes + length)..]];
        BinaryPrimitives.WriteInt64LittleEndian(output, header.Length);
        return output;
    }

    public override string Read(byte[] input)
    {
        _file.Write(input);
        string verdict;
        Dictionary<string, WeightTensor> tensors = [];
        try
        {
            using SafetensorsFile file = SafetensorsFile.Open(_file.FullName);
            long sum = 0;
            foreach (SafetensorsEntry entry in file.Entries.Values)
            {
                foreach (byte b in file.Bytes(entry.Name)) sum += b;
                tensors.Add(entry.Name, new(entry.Name, entry.Type.Name(), entry.Shape));
            }

            verdict = sum < 0 ? throw new InvalidOperationException("A sum of bytes is negative.") : "accepted";
        }
        catch (SafetensorsException e)
        {
            verdict = e.Cause;
        }

        CheckBuildTask(input, tensors, verdict);
        return verdict;
    }

    /// <summary>The build task reads such files, too, with a hash that is right: it takes what the runtime takes, and refuses the rest for the same reason.</summary>
    private void CheckBuildTask(byte[] input, Dictionary<string, WeightTensor> tensors, string verdict)
    {
        var identity = new WeightsIdentity(Path.GetFileName(_file.FullName), Convert.ToHexStringLower(SHA256.HashData(input)), input.Length);
        try
        {
            using var file = WeightsFile.Read(_file.FullName + ".calibration.json", identity, tensors, default);
            if (verdict != "accepted") throw new InvalidOperationException($"The build task takes what the runtime refuses: {verdict}");
        }
        catch (WeightsFileException e) when (verdict != "accepted" && e.Fault == WeightsFault.Format && e.Message.Contains(verdict, StringComparison.Ordinal))
        {
        }
    }

    public override void Dispose() => _file.Dispose();
}
