namespace Specializer.Manifest;

/// <summary>x + b[c], or x·(1 + s[c]) + b[c] (FiLM, Perez et al. 2018), where b, or s and then b, are the channels of a map of one pixel: what a condition adds to every pixel.</summary>
/// <param name="Name">Module path.</param>
/// <param name="Input">FP32 map read.</param>
/// <param name="Condition">FP32 map of one pixel, and of as many channels as the input or twice as many.</param>
/// <param name="Output">FP32 map written.</param>
internal sealed record ModulationOperation(string Name, string Input, string Condition, string Output) : Operation(Name)
{
    public const string JsonName = "modulation";

    public override string Kind => JsonName;

    public static Operation Read(ObjectBinder o) => new ModulationOperation(
        o.ModulePath("name"),
        o.ModulePath("input"),
        o.ModulePath("condition"),
        o.ModulePath("output"));

    public override IEnumerable<Port> Reads() => [new("input", Input), new("condition", Condition)];

    public override IEnumerable<Port> Writes() => [new("output", Output)];

    public override string? Overwritten => Input;

    public override Operation Rename(string name, Func<string, string> map) =>
        this with { Name = name, Input = map(Input), Condition = map(Condition), Output = map(Output) };

    public override void Write(JsonText json) => json.Key("input").Value(Input).Key("condition").Value(Condition).Key("output").Value(Output);

    public override void Check(OperationCheck check)
    {
        if (!check.ExpectFloat("input") || !check.ExpectFloat("condition") || !check.ExpectFloat("output") || !check.ExpectEqual(Input, "output")) return;
        Map input = check.Maps[Input], condition = check.Maps[Condition];
        if (condition.Pixels != 1 || (condition.Channels != input.Channels && condition.Channels != 2 * input.Channels))
            check.Report(ManifestErrorId.Shape, $"A modulation's condition is one pixel of as many channels as its input, or twice as many. The input is {input.Size}, the condition {condition.Size}.", "condition");
    }

    public override T Accept<T>(IOperationVisitor<T> visitor) => visitor.Visit(this);
}

internal partial interface IOperationVisitor<out T>
{
    T Visit(ModulationOperation operation);
}
