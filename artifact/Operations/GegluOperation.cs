namespace Specializer.Manifest;

/// <summary>a·gelu(b), where the input holds a and b side by side (GEGLU, Shazeer 2020), into an FP32 or quantized map.</summary>
/// <param name="Name">Module path.</param>
/// <param name="Input">FP32 map of twice the channels.</param>
/// <param name="Output">Map written.</param>
internal sealed record GegluOperation(string Name, string Input, string Output) : UnaryOperation(Name, Input, Output)
{
    public const string JsonName = "geglu";

    public override string Kind => JsonName;

    public static Operation Read(ObjectBinder o) => new GegluOperation(
        o.ModulePath("name"),
        o.ModulePath("input"),
        o.ModulePath("output"));

    public override bool QuantizesOutputs => true;

    public override void Check(OperationCheck check)
    {
        Map input = check.Maps[Input], output = check.Maps[Output];
        if (!check.ExpectFloat("input")) return;
        if (input.Height != output.Height || input.Width != output.Width || input.Channels != 2 * output.Channels)
            check.Report(ManifestErrorId.Shape, $"A gate reads two values side by side for each it writes. The input is {input.Size}, the output {output.Size}.", "input");
    }

    public override T Accept<T>(IOperationVisitor<T> visitor) => visitor.Visit(this);
}

internal partial interface IOperationVisitor<out T>
{
    T Visit(GegluOperation operation);
}
