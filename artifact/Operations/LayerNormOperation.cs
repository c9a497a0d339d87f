using Specializer.Packing;

namespace Specializer.Manifest;

/// <summary>Layer norm over the channels of each pixel, into an FP32 or quantized map. Tensors: <c>NAME.weight</c> [C], <c>NAME.bias</c> [C].</summary>
/// <param name="Name">Module path.</param>
/// <param name="Input">FP32 map read.</param>
/// <param name="Output">Map written.</param>
/// <param name="Epsilon">Added to the variance.</param>
internal sealed record LayerNormOperation(string Name, string Input, string Output, Number Epsilon) : UnaryOperation(Name, Input, Output)
{
    public const string JsonName = "layerNorm";

    public override string Kind => JsonName;

    public static Operation Read(ObjectBinder o) => new LayerNormOperation(
        o.ModulePath("name"),
        o.ModulePath("input"),
        o.ModulePath("output"),
        o.Number("epsilon", NumberRange.Positive));

    public override string? Overwritten => Input;

    public override bool QuantizesOutputs => true;

    public override void Write(JsonText json)
    {
        base.Write(json);
        json.Key("epsilon").Value(Epsilon);
    }

    public override void Check(OperationCheck check)
    {
        if (check.ExpectFloat("input")) check.ExpectEqual(Input, "output");
    }

    public override IEnumerable<WeightTensor> Tensors(IReadOnlyDictionary<string, Map> maps) =>
        [new($"{Name}.weight", "F32", maps[Input].Channels), new($"{Name}.bias", "F32", maps[Input].Channels)];

    public override long PackedBytes(IReadOnlyDictionary<string, Map> maps) => 2 * WeightLayout.Align(4L * maps[Input].Channels);

    public override int[] PackedShape(IReadOnlyDictionary<string, Map> maps) => [maps[Input].Channels];

    public override void Pack(WeightSections sections, IReadOnlyDictionary<string, Map> maps)
    {
        sections.Floats($"{Name}.weight");
        sections.Floats($"{Name}.bias");
    }

    public override T Accept<T>(IOperationVisitor<T> visitor) => visitor.Visit(this);
}

internal partial interface IOperationVisitor<out T>
{
    T Visit(LayerNormOperation operation);
}
