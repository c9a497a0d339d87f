namespace Specializer.Manifest;

/// <summary>Quantizes an FP32 map.</summary>
/// <param name="Name">Module path.</param>
/// <param name="Input">FP32 map read.</param>
/// <param name="Output">Quantized map written.</param>
internal sealed record QuantizeOperation(string Name, string Input, string Output) : UnaryOperation(Name, Input, Output)
{
    public const string JsonName = "quantize";

    public override string Kind => JsonName;

    public static Operation Read(ObjectBinder o) => new QuantizeOperation(o.ModulePath("name"), o.ModulePath("input"), o.ModulePath("output"));

    public override void Check(OperationCheck check)
    {
        if (check.ExpectFloat("input") && check.ExpectQuantized("output")) check.ExpectEqual(Input, "output");
    }

    public override T Accept<T>(IOperationVisitor<T> visitor) => visitor.Visit(this);
}

internal partial interface IOperationVisitor<out T>
{
    T Visit(QuantizeOperation operation);
}
