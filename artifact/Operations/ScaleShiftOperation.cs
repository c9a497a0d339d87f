namespace Specializer.Manifest;

/// <summary>x·(1 + s[c]) + b[c], where s and b are step vectors.</summary>
/// <param name="Name">Module path.</param>
/// <param name="Input">FP32 map read.</param>
/// <param name="Output">FP32 map written.</param>
/// <param name="Vector">First element of s among the embedding's vectors; b follows.</param>
internal sealed record ScaleShiftOperation(string Name, string Input, string Output, int Vector) : UnaryOperation(Name, Input, Output)
{
    public const string JsonName = "scaleShift";

    public override string Kind => JsonName;

    public static Operation Read(ObjectBinder o) => new ScaleShiftOperation(
        o.ModulePath("name"),
        o.ModulePath("input"),
        o.ModulePath("output"),
        o.Integer("vector", 0, ManifestLimits.Vectors));

    public override string? Overwritten => Input;

    public override bool ReadsVectors => true;

    public override void Write(JsonText json)
    {
        base.Write(json);
        json.Key("vector").Value(Vector);
    }

    public override void Check(OperationCheck check)
    {
        if (!check.ExpectFloat("input") || !check.ExpectFloat("output") || !check.ExpectEqual(Input, "output")) return;
        int last = Vector + 2 * check.Maps[Output].Channels;
        if (last > check.Vectors)
            check.Report(ManifestErrorId.Range, $"The vector's elements {Vector} to {last - 1} are not all within the embedding's {check.Vectors}.", "vector");
    }

    public override T Accept<T>(IOperationVisitor<T> visitor) => visitor.Visit(this);
}

internal partial interface IOperationVisitor<out T>
{
    T Visit(ScaleShiftOperation operation);
}
