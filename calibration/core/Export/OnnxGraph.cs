using System.Runtime.InteropServices;

namespace Specializer.Calibration.Export;

/// <summary>An ONNX model under construction. Field numbers are those of onnx.proto (ONNX 1.12: IR version 8, operator set 17).</summary>
/// <param name="name">Of the graph.</param>
/// <param name="data">Where long tensors go; null for into the model.</param>
internal sealed class OnnxGraph(string name, OnnxData? data = null)
{
    /// <summary>TensorProto's name for 64-bit integers, where an attribute asks for one.</summary>
    public const int Int64 = 7;

    private const int IrVersion = 8, OperatorSet = 17;

    /// <summary>Protocol Buffers refuse longer messages.</summary>
    private const long LargestModel = int.MaxValue;

    private readonly List<ProtobufMessage> _nodes = [];
    private readonly List<ProtobufMessage> _initializers = [];
    private readonly List<ProtobufMessage> _inputs = [];
    private readonly List<ProtobufMessage> _outputs = [];
    private readonly Dictionary<string, string> _constants = new(StringComparer.Ordinal);
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    /// <summary>Declares an input. A dimension is a number or, as a string, a name for what the caller chooses.</summary>
    public string Input<T>(string name, params ReadOnlySpan<object> dimensions) where T : unmanaged
    {
        _names.Add(name);
        _inputs.Add(ValueInfo(name, ElementType<T>(), dimensions));
        return name;
    }

    /// <summary>Declares an FP32 output.</summary>
    public void Output(string name, params ReadOnlySpan<object> dimensions) => _outputs.Add(ValueInfo(name, ElementType<float>(), dimensions));

    /// <summary>Adds an operator with one output and returns that output's name, which is the node's name: the one asked for, or one like it where another value has that.</summary>
    public string Node(string operation, string name, ReadOnlySpan<string> inputs, params ReadOnlySpan<(string Name, object Value)> attributes)
    {
        string free = Free(name);
        Add(operation, free, inputs, [free], attributes);
        return free;
    }

    /// <summary>Adds an operator with several outputs, and returns their names.</summary>
    public string[] Node(string operation, string name, ReadOnlySpan<string> inputs, string[] outputs, params ReadOnlySpan<(string Name, object Value)> attributes)
    {
        string[] free = [.. outputs.Select(Free)];
        Add(operation, Free(name), inputs, free, attributes);
        return free;
    }

    private void Add(string operation, string name, ReadOnlySpan<string> inputs, string[] outputs, ReadOnlySpan<(string Name, object Value)> attributes)
    {
        var node = new ProtobufMessage();
        foreach (string input in inputs) node.Add(1, input);
        foreach (string output in outputs) node.Add(2, output);
        node.Add(3, name).Add(4, operation);
        foreach (var (attribute, value) in attributes) node.Add(5, Attribute(attribute, value));
        _nodes.Add(node);
    }

    // A module may be called what a part of another one is called here; no module's name has a colon.
    private string Free(string name)
    {
        string free = name;
        for (int i = 2; !_names.Add(free); i++) free = $"{name}:{i}";
        return free;
    }

    /// <summary>Adds a constant tensor and returns its name; a second one of the same name is taken to be the same.</summary>
    public string Constant<T>(string name, ReadOnlySpan<T> values, params ReadOnlySpan<long> dimensions) where T : unmanaged
    {
        if (_constants.TryGetValue(name, out string? known)) return known;
        string free = _constants[name] = Free(name);
        long elements = 1;
        foreach (long dimension in dimensions) elements *= dimension;
        if (elements != values.Length)
            throw new ArgumentException($"Tensor '{name}' has {values.Length} elements, its dimensions [{string.Join(", ", dimensions.ToArray())}] ask for {elements}.");
        var tensor = new ProtobufMessage();
        foreach (long dimension in dimensions) tensor.Add(1, dimension);
        tensor.Add(2, ElementType<T>()).Add(8, free);
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(values);
        if (data is null || bytes.Length < OnnxData.Least)
        {
            tensor.Add(9, bytes.ToArray());
        }
        else
        {
            const int external = 1;
            foreach (ProtobufMessage entry in data.Add(bytes)) tensor.Add(13, entry);
            tensor.Add(14, external);
        }

        _initializers.Add(tensor);
        return free;
    }

    /// <summary>Writes the ModelProto.</summary>
    /// <exception cref="NotSupportedException">The model is longer than the format allows.</exception>
    public void WriteTo(Stream output)
    {
        var graph = new ProtobufMessage();
        foreach (ProtobufMessage node in _nodes) graph.Add(1, node);
        graph.Add(2, name);
        foreach (ProtobufMessage initializer in _initializers) graph.Add(5, initializer);
        foreach (ProtobufMessage input in _inputs) graph.Add(11, input);
        foreach (ProtobufMessage result in _outputs) graph.Add(12, result);
        ProtobufMessage model = new ProtobufMessage()
            .Add(1, IrVersion)
            .Add(2, "specializer")
            .Add(7, graph)
            .Add(8, new ProtobufMessage().Add(1, "").Add(2, OperatorSet));
        if (model.Length > LargestModel)
            throw new NotSupportedException($"The ONNX model would have {model.Length} bytes; the format ends at {LargestModel}. Write its tensors to a file of their own (--external-data).");
        model.WriteTo(output);
    }

    private static long ElementType<T>() =>
        typeof(T) == typeof(float) ? 1
        : typeof(T) == typeof(byte) ? 2
        : typeof(T) == typeof(sbyte) ? 3
        : typeof(T) == typeof(int) ? 6
        : typeof(T) == typeof(long) ? Int64
        : throw new NotSupportedException($"No ONNX element type was mapped for {typeof(T)}.");

    private static ProtobufMessage ValueInfo(string name, long elementType, ReadOnlySpan<object> dimensions)
    {
        var shape = new ProtobufMessage();
        foreach (object dimension in dimensions)
        {
            var message = new ProtobufMessage();
            shape.Add(1, dimension is string symbol ? message.Add(2, symbol) : message.Add(1, Convert.ToInt64(dimension)));
        }

        ProtobufMessage tensor = new ProtobufMessage().Add(1, elementType).Add(2, shape);
        return new ProtobufMessage().Add(1, name).Add(2, new ProtobufMessage().Add(1, tensor));
    }

    private static ProtobufMessage Attribute(string name, object value)
    {
        const int single = 1, integer = 2, text = 3, integers = 7;
        ProtobufMessage attribute = new ProtobufMessage().Add(1, name);
        switch (value)
        {
            case float f:
                return attribute.Add(2, f).Add(20, single);
            case int i:
                return attribute.Add(3, i).Add(20, integer);
            case string s:
                return attribute.Add(4, s).Add(20, text);
            case int[] list:
                foreach (int i in list) attribute.Add(8, i);
                return attribute.Add(20, integers);
            default:
                throw new NotSupportedException($"No ONNX attribute type was mapped for {value.GetType()}.");
        }
    }
}
