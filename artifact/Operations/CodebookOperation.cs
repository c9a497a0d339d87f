using Specializer.Packing;

namespace Specializer.Manifest;

/// <summary>The nearest row of a codebook (van den Oord et al. 2017). Tensor: <c>NAME.weight</c> [rows, C].</summary>
/// <param name="Name">Module path.</param>
/// <param name="Input">FP32 map read.</param>
/// <param name="Output">FP32 map written.</param>
/// <param name="Rows">Rows of the codebook.</param>
internal sealed record CodebookOperation(string Name, string Input, string Output, int Rows) : UnaryOperation(Name, Input, Output)
{
    public const string JsonName = "codebook";

    public override string Kind => JsonName;

    public static Operation Read(ObjectBinder o) => new CodebookOperation(
        o.ModulePath("name"),
        o.ModulePath("input"),
        o.ModulePath("output"),
        o.Integer("rows", 1, ManifestLimits.Rows));

    public override void Write(JsonText json)
    {
        base.Write(json);
        json.Key("rows").Value(Rows);
    }

    public override void Check(OperationCheck check)
    {
        if (check.ExpectFloat("input") && check.ExpectFloat("output")) check.ExpectEqual(Input, "output");
    }

    public override IEnumerable<WeightTensor> Tensors(IReadOnlyDictionary<string, Map> maps) => [new($"{Name}.weight", "F32", Rows, maps[Input].Channels)];

    public override long PackedBytes(IReadOnlyDictionary<string, Map> maps) => WeightLayout.Align(4L * Rows * maps[Input].Channels);

    public override int[] PackedShape(IReadOnlyDictionary<string, Map> maps) => [Rows, maps[Input].Channels];

    public override void Pack(WeightSections sections, IReadOnlyDictionary<string, Map> maps) => sections.Floats($"{Name}.weight");

    public override T Accept<T>(IOperationVisitor<T> visitor) => visitor.Visit(this);
}

internal partial interface IOperationVisitor<out T>
{
    T Visit(CodebookOperation operation);
}
