using Specializer.Generator.Model;
using Specializer.Manifest;

namespace Specializer.Generator.Parsing;

/// <summary>The shape structs of one sampler: equal shapes share one, so that the JIT compiles each kernel once a shape.</summary>
internal sealed class ShapeTable(NameScope names)
{
    private readonly Dictionary<string, Shape> _byContent = new(StringComparer.Ordinal);
    private readonly List<Shape> _shapes = [];

    public EquatableArray<Shape> Shapes => _shapes.ToEquatableArray();

    public string Map(Map map) => Add("IMapShape", $"Map{Size(map)}{Suffix(map.Type)}", $"A map of {Describe(map)}.",
    [
        Int("Height", map.Height), Int("Width", map.Width), Int("Channels", map.Channels), Int("ElementSize", map.ElementSize),
    ]);

    public string GroupNorm(GroupNormOperation o, Map input, Map output, Map? skip)
    {
        string function = o.Silu ? "Silu" : "None";
        return Add("IGroupNormShape",
            $"GroupNorm{Size(input)}{(skip is null ? "" : "And" + Literal.Int(skip.Channels))}{(o.Silu ? "Silu" : "")}{Suffix(output.Type)}",
            $"{Literal.Int(o.Groups)} groups over {Describe(input)}{(skip is null ? "" : $" and {Literal.Int(skip.Channels)} more channels of the skip")}{(o.Silu ? ", then SiLU" : "")}, into {Storage(output.Type)}.",
            [
                Int("Height", input.Height), Int("Width", input.Width), Int("Channels", input.Channels), Int("SkipChannels", skip?.Channels ?? 0),
                Int("Groups", o.Groups), new("float", "Epsilon", Literal.Float(o.Epsilon)),
                new("global::Specializer.Nonlinearity", "Nonlinearity", "global::Specializer.Nonlinearity." + function), Int("ElementSize", output.ElementSize),
            ]);
    }

    public string Convolution(ConvolutionOperation o, Map input, Map output)
    {
        string kernel = Literal.Int(o.KernelSize);
        string name = (o.KernelSize == 1 ? "Pointwise" : o.KernelSize == 3 ? "Convolution" : $"Convolution{kernel}x{kernel}On")
            + $"{Size(input)}To{Literal.Int(output.Channels)}W{Literal.Int(o.WeightBits)}"
            + (o.Stride == 1 ? "" : "Stride" + Literal.Int(o.Stride)) + (o.Upsample == 1 ? "" : "Upsample" + Literal.Int(o.Upsample));
        bool scaled = o.OutputScale.Value != 1;
        if (scaled) name += "Scaled";
        string summary = $"{kernel}×{kernel} convolution, {Describe(input)} to {Size(output, '×')}, {Literal.Int(o.WeightBits)}-bit weights"
            + (o.Stride == 1 ? "" : $", stride {Literal.Int(o.Stride)}") + (o.Upsample == 1 ? "" : $", input upsampled {Literal.Int(o.Upsample)}×")
            + (scaled ? $", result times {o.OutputScale}" : "") + ".";
        return Add("IConvolutionShape", name, summary,
        [
            Int("InputHeight", input.Height), Int("InputWidth", input.Width), Int("InputChannels", input.Channels),
            Int("OutputHeight", output.Height), Int("OutputWidth", output.Width), Int("OutputChannels", output.Channels),
            Int("KernelSize", o.KernelSize), Int("Stride", o.Stride), Int("PaddingTop", o.PaddingTop), Int("PaddingLeft", o.PaddingLeft),
            Int("Upsample", o.Upsample), Int("WeightBits", o.WeightBits), new("float", "OutputScale", Literal.Float(o.OutputScale)),
        ]);
    }

    public string Attention(AttentionOperation o, Map output)
    {
        int tokens = output.Height * output.Width;
        int headChannels = output.Channels / o.Heads;
        return Add("IAttentionShape", $"Attention{Literal.Int(tokens)}x{Literal.Int(o.Heads)}x{Literal.Int(headChannels)}",
            $"{Literal.Int(o.Heads)} heads of {Literal.Int(headChannels)} channels over {Literal.Int(tokens)} pixels.",
            [Int("Tokens", tokens), Int("Heads", o.Heads), Int("HeadChannels", headChannels)]);
    }

    public string Embedding(Embedding embedding, int steps) => Add("IEmbeddingShape", "StepVectors",
        embedding.Classes == 0
            ? "The vectors of every step, folded from the time embedding."
            : $"The time embedding of every step, and {Literal.Int(embedding.Classes)} labels.",
        [Int("Steps", steps), Int("Embedding", embedding.Width), Int("Classes", embedding.Classes), Int("Vectors", embedding.Vectors)]);

    public static string Describe(Map map) => Size(map, '×') + " in " + Storage(map.Type);

    private static string Storage(MapType type) => type switch { MapType.Quantized8 => "bytes", MapType.Quantized16 => "16 bits", _ => "FP32" };

    private string Add(string type, string name, string summary, ShapeMember[] members)
    {
        string content = type + string.Concat(members.Select(m => "|" + m.Value));
        if (!_byContent.TryGetValue(content, out Shape? shape))
        {
            shape = new(names.Claim(name), type, summary, new(members));
            _byContent.Add(content, shape);
            _shapes.Add(shape);
        }

        return shape.Name;
    }

    private static string Suffix(MapType type) => type switch { MapType.Quantized8 => "", MapType.Quantized16 => "Wide", _ => "Float" };

    private static string Size(Map map, char by = 'x') => Literal.Int(map.Height) + by + Literal.Int(map.Width) + by + Literal.Int(map.Channels);

    private static ShapeMember Int(string name, int value) => new("int", name, Literal.Int(value));
}
