namespace Specializer.Manifest;

/// <summary>A non-linearity, element by element, into an FP32 or quantized map.</summary>
/// <param name="Name">Module path.</param>
/// <param name="Input">FP32 map read.</param>
/// <param name="Output">Map written.</param>
/// <param name="Function"><c>silu</c>, <c>gelu</c> (exact), <c>quick_gelu</c>, <c>relu</c>, <c>mish</c> or <c>tanh</c>.</param>
internal sealed record ActivationOperation(string Name, string Input, string Output, string Function) : UnaryOperation(Name, Input, Output)
{
    public const string JsonName = "activation";

    public override string Kind => JsonName;

    public static Operation Read(ObjectBinder o) => new ActivationOperation(
        o.ModulePath("name"),
        o.ModulePath("input"),
        o.ModulePath("output"),
        o.OneOf("function", Functions));

    public override string? Overwritten => Input;

    public override bool QuantizesOutputs => true;

    public override void Write(JsonText json)
    {
        base.Write(json);
        json.Key("function").Value(Function);
    }

    public override void Check(OperationCheck check)
    {
        if (check.ExpectFloat("input")) check.ExpectEqual(Input, "output");
    }

    /// <summary>The functions that there are.</summary>
    public static string[] Functions { get; } = ["silu", "gelu", "quick_gelu", "relu", "mish", "tanh"];

    public override T Accept<T>(IOperationVisitor<T> visitor) => visitor.Visit(this);
}

internal partial interface IOperationVisitor<out T>
{
    T Visit(ActivationOperation operation);
}
