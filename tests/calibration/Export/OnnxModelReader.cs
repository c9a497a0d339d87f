using System.Globalization;
using System.Runtime.InteropServices;

namespace Specializer.Calibration.Tests.Export;

/// <summary>An ONNX model parsed back, by the field numbers of onnx.proto.</summary>
internal sealed class OnnxModelReader
{
    public OnnxModelReader(byte[] bytes)
    {
        var model = new ProtobufReader(bytes);
        OperatorSet = model.Message(8).Integer(2);
        ProtobufReader graph = model.Message(7);
        Nodes = [.. graph.Messages(1).Select(n => new Node(n))];
        Tensors = graph.Messages(5).Select(t => new Tensor(t)).ToDictionary(t => t.Name);
        Inputs = [.. graph.Messages(11).Select(i => i.Text(1))];
        Outputs = [.. graph.Messages(12).Select(o => o.Text(1))];
    }

    public long OperatorSet { get; }
    public Node[] Nodes { get; }
    public IReadOnlyDictionary<string, Tensor> Tensors { get; }
    public string[] Inputs { get; }
    public string[] Outputs { get; }

    public Node this[string name] => Nodes.Single(n => n.Name == name);

    public Node Producer(string value) => Nodes.Single(n => n.Outputs.Contains(value));

    public IEnumerable<Node> Consumers(string value) => Nodes.Where(n => n.Inputs.Contains(value));

    internal sealed class Node(ProtobufReader node)
    {
        public string Name { get; } = node.Text(3);
        public string Operation { get; } = node.Text(4);
        public string[] Inputs { get; } = node.Texts(1);
        public string[] Outputs { get; } = node.Texts(2);

        public long[] Integers(string attribute) => Attribute(attribute).Integers(8);

        public float Single(string attribute) => Attribute(attribute).Single(2);

        private ProtobufReader Attribute(string name) => node.Messages(5).Single(a => a.Text(1) == name);
    }

    internal sealed class Tensor(ProtobufReader tensor)
    {
        public string Name { get; } = tensor.Text(8);
        public long[] Dimensions { get; } = tensor.Integers(1);
        public long Type { get; } = tensor.Integer(2);

        /// <summary>The tensor's bytes, from the model or, where it says so, from the file beside it.</summary>
        public byte[] Raw(byte[]? data)
        {
            Dictionary<string, string> at = tensor.Messages(13).ToDictionary(e => e.Text(1), e => e.Text(2));
            return at.Count == 0 ? tensor.Bytes(9).ToArray() : data!.AsSpan(int.Parse(at["offset"], CultureInfo.InvariantCulture), int.Parse(at["length"], CultureInfo.InvariantCulture)).ToArray();
        }

        public T[] Values<T>() where T : struct => MemoryMarshal.Cast<byte, T>(tensor.Bytes(9).Span).ToArray();
    }
}
