using System.Text;
using Specializer.Manifest;

namespace Specializer.Packing;

/// <summary>Packs the weights for the kernels (docs/weights.md), one section at a time.</summary>
/// <remarks>FP32 numbers are moved as bytes and never computed with, so that no bit of them can change.</remarks>
internal static class WeightPacker
{
    /// <summary>Writes the packed blob.</summary>
    /// <param name="network">The network that the weights belong to.</param>
    /// <param name="steps">Denoising steps.</param>
    /// <param name="tensor">Gives the little-endian bytes of the tensor with this name and length, or throws.</param>
    /// <param name="key">Of network, steps and weights.</param>
    /// <param name="output">Written from its current position, forwards only.</param>
    /// <exception cref="WeightsException">An element is out of range; the message names tensor and index.</exception>
    public static void Pack(
        Network network, int steps, Func<string, long, byte[]> tensor, WeightKey key, Stream output)
    {
        var layout = new WeightLayout(network, steps);
        var maps = network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        var writer = new Sections(WeightTensors.Of(network, steps), tensor, output);
        writer.Header(layout.TotalBytes, key);
        writer.ExpectAt(layout.Embedding, "embedding");
        writer.Embedding(network.Embedding);
        foreach (Operation operation in network.Operations)
        {
            switch (operation)
            {
                case GroupNormOperation:
                    writer.ExpectAt(layout[operation.Name], operation.Name);
                    writer.Floats($"{operation.Name}.weight");
                    writer.Floats($"{operation.Name}.bias");
                    break;
                case ConvolutionOperation convolution:
                    writer.ExpectAt(layout[operation.Name], operation.Name);
                    writer.Convolution(convolution, maps[convolution.Input].Channels, maps[convolution.Output].Channels);
                    break;
            }
        }

        writer.ExpectAt(layout.TotalBytes, "end");
    }

    private sealed class Sections(IReadOnlyDictionary<string, WeightTensor> tensors, Func<string, long, byte[]> tensor, Stream output)
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

        public void Embedding(Embedding embedding)
        {
            if (embedding.Vectors == 0) return;
            if (embedding.Width == 0)
            {
                Floats("embedding.vectors");
                return;
            }

            Floats("embedding.time");
            Floats("embedding.label");
            Write(WeightPanels.Float32(ReadFinite("embedding.weight"), embedding.Width, embedding.Vectors, 1));
            Floats("embedding.bias");
        }

        public void Convolution(ConvolutionOperation convolution, int inputs, int outputs)
        {
            string weight = $"{convolution.Name}.weight", scale = $"{convolution.Name}.scale", bias = $"{convolution.Name}.bias";
            int kernel = convolution.KernelSize;
            if (convolution.WeightBits == 32)
            {
                Write(WeightPanels.Float32(ReadFinite(weight), inputs, outputs, kernel));
                Floats(bias);
                return;
            }

            var (panels, sums) = WeightPanels.Integer(weight, Read(weight), inputs, outputs, kernel, convolution.WeightBits);
            Write(panels);
            byte[] scales = Read(scale);
            Float32Bytes.CheckPositive(scale, scales);
            Write(scales);
            Floats(bias);
            Write(sums);
        }

        public void Floats(string name) => Write(ReadFinite(name));

        public void ExpectAt(long position, string section)
        {
            if (_position != position)
                throw new InvalidOperationException($"The section '{section}' starts at {_position}, its layout says {position}.");
        }

        private byte[] ReadFinite(string name)
        {
            byte[] bytes = Read(name);
            Float32Bytes.CheckFinite(name, bytes);
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

        // Every part starts at a multiple of 64; the rest of its last 64 bytes is zero. Rows of 16 padded channels end there as well.
        private void Write(byte[] part)
        {
            output.Write(part, 0, part.Length);
            int gap = (int)(WeightLayout.Align(part.LongLength) - part.LongLength);
            output.Write(new byte[gap], 0, gap);
            _position += part.LongLength + gap;
        }
    }

    internal static void WriteInt32(byte[] bytes, int offset, int value)
    {
        for (int i = 0; i < 4; i++) bytes[offset + i] = (byte)(value >> (8 * i));
    }
}
