using System.Buffers.Binary;
using Specializer.Formats;

namespace Specializer.Fuzz;

/// <summary>Opens safetensors files and reads every byte of every tensor.</summary>
internal sealed class SafetensorsTarget : FuzzTarget
{
    private const int PrefixBytes = 8;

    private readonly string _path = Scratch.File();

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
        byte[] header = mutator.Json(input[PrefixBytes..(int)(PrefixBytes + length)]);
        byte[] output = [.. new byte[PrefixBytes], .. header, .. input[(int)(PrefixBytes + length)..]];
        BinaryPrimitives.WriteInt64LittleEndian(output, header.Length);
        return output;
    }

    public override string Read(byte[] input)
    {
        File.WriteAllBytes(_path, input);
        try
        {
            using SafetensorsFile file = SafetensorsFile.Open(_path);
            long sum = 0;
            foreach (string tensor in file.Entries.Keys)
            {
                foreach (byte b in file.Bytes(tensor)) sum += b;
            }

            return sum < 0 ? throw new InvalidOperationException("A sum of bytes is negative.") : "accepted";
        }
        catch (SafetensorsException e)
        {
            return e.Cause;
        }
    }

    public override void Dispose() => Directory.Delete(Path.GetDirectoryName(_path)!, recursive: true);
}
