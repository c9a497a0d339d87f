using System.Text;
using Specializer.Manifest;

namespace Specializer.Packing;

/// <summary>Writes the packed weights one part after the other, forwards only. FP16 and FP32 numbers are moved as bytes and never computed with, so that no bit of them can change.</summary>
/// <param name="tensors">What the weights file holds.</param>
/// <param name="tensor">Gives the little-endian bytes of the tensor with this name and length, or throws.</param>
/// <param name="output">Written from its current position.</param>
internal sealed class WeightSections(IReadOnlyDictionary<string, WeightTensor> tensors, Func<string, long, byte[]> tensor, Stream output)
{
    private long _position;

    public void Header(long totalBytes, WeightKey key)
    {
        var header = new byte[WeightLayout.HeaderBytes];
        Encoding.ASCII.GetBytes(WeightLayout.Magic).CopyTo(header, 0);
        WriteInt32(header, 8, WeightLayout.Version);
        WriteInt32(header, 16, unchecked((int)totalBytes));
        WriteInt32(header, 20, (int)(totalBytes >> 32));
        key.Bytes.ToArray().CopyTo(header, 32);
        Write(header);
    }

    /// <summary>Panels of a convolution in FP16 or FP32.</summary>
    public void FloatPanels(string name, int inputs, int outputs, int kernelSize, int bits) => Write(WeightPanels.Float(ReadFinite(name), inputs, outputs, kernelSize, bits));

    /// <summary>Panels of a 4- or 8-bit convolution; returns the sum of each output channel's integers.</summary>
    public byte[] IntegerPanels(string name, int inputs, int outputs, int kernelSize, int bits)
    {
        var (panels, sums) = WeightPanels.Integer(name, Read(name), inputs, outputs, kernelSize, bits);
        Write(panels);
        return sums;
    }

    /// <summary>Bytes as they are.</summary>
    public void Bytes(string name) => Write(Read(name));

    /// <summary>FP16 or FP32 numbers, all finite.</summary>
    public void Floats(string name) => Write(ReadFinite(name));

    /// <summary>FP32 numbers, all finite and above zero.</summary>
    public void Positive(string name)
    {
        byte[] bytes = Read(name);
        FloatBytes.CheckPositive(name, bytes);
        Write(bytes);
    }

    // Every part starts at a multiple of 64; the rest of its last 64 bytes is zero. Rows of 16 padded channels end there as well.
    public void Write(byte[] part)
    {
        output.Write(part, 0, part.Length);
        int gap = (int)(WeightLayout.Align(part.LongLength) - part.LongLength);
        output.Write(new byte[gap], 0, gap);
        _position += part.LongLength + gap;
    }

    public void ExpectAt(long position, string section)
    {
        if (_position != position)
            throw new InvalidOperationException($"The section '{section}' starts at {_position}, its layout says {position}.");
    }

    private byte[] ReadFinite(string name)
    {
        byte[] bytes = Read(name);
        if (tensors[name].Type == "F16") FloatBytes.CheckFinite16(name, bytes);
        else FloatBytes.CheckFinite32(name, bytes);
        return bytes;
    }

    private byte[] Read(string name)
    {
        long length = tensors[name].Bytes;
        byte[] bytes = tensor(name, length);
        return bytes.LongLength == length
            ? bytes
            : throw new WeightsException($"The tensor '{name}' has {bytes.LongLength} bytes, {length} are expected.");
    }

    internal static void WriteInt32(byte[] bytes, int offset, int value)
    {
        for (int i = 0; i < 4; i++) bytes[offset + i] = (byte)(value >> (8 * i));
    }
}
