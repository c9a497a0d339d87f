namespace Specializer.Manifest;

/// <summary>scale·x + offset, element by element.</summary>
/// <param name="Name">Module path.</param>
/// <param name="Input">FP32 map read.</param>
/// <param name="Output">FP32 map written.</param>
/// <param name="Scale">Factor.</param>
/// <param name="Offset">Added.</param>
internal sealed record LinearMapOperation(string Name, string Input, string Output, Number Scale, Number Offset) : UnaryOperation(Name, Input, Output)
{
    public const string JsonName = "linearMap";

    public override string Kind => JsonName;

    public static Operation Read(ObjectBinder o) => new LinearMapOperation(
        o.ModulePath("name"),
        o.ModulePath("input"),
        o.ModulePath("output"),
        o.Number("scale"),
        o.Number("offset"));

    public override string? Overwritten => Input;

    public override void Write(JsonText json)
    {
        base.Write(json);
        json.Key("scale").Value(Scale).Key("offset").Value(Offset);
    }

    public override void Check(OperationCheck check)
    {
        if (check.ExpectFloat("input") && check.ExpectFloat("output")) check.ExpectEqual(Input, "output");
    }

    public override T Accept<T>(IOperationVisitor<T> visitor) => visitor.Visit(this);
}

internal partial interface IOperationVisitor<out T>
{
    T Visit(LinearMapOperation operation);
}
