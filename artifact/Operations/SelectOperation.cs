namespace Specializer.Manifest;

/// <summary>One pixel of a map: where another map first holds a number, or the first pixel where it holds it nowhere. A text's summary is the state of its end token.</summary>
/// <param name="Name">Module path.</param>
/// <param name="Input">FP32 map read.</param>
/// <param name="Ids">FP32 map of one channel, as large as the input.</param>
/// <param name="Output">FP32 map of one pixel written.</param>
/// <param name="Id">The number that is looked for.</param>
internal sealed record SelectOperation(string Name, string Input, string Ids, string Output, int Id) : Operation(Name)
{
    public const string JsonName = "select";

    public override string Kind => JsonName;

    public static Operation Read(ObjectBinder o) => new SelectOperation(
        o.ModulePath("name"),
        o.ModulePath("input"),
        o.ModulePath("ids"),
        o.ModulePath("output"),
        o.Integer("id", 0, ManifestLimits.Rows));

    public override IEnumerable<Port> Reads() => [new("input", Input), new("ids", Ids)];

    public override IEnumerable<Port> Writes() => [new("output", Output)];

    public override Operation Rename(string name, Func<string, string> map) =>
        this with { Name = name, Input = map(Input), Ids = map(Ids), Output = map(Output) };

    public override void Write(JsonText json) => json.Key("input").Value(Input).Key("ids").Value(Ids).Key("output").Value(Output).Key("id").Value(Id);

    public override void Check(OperationCheck check)
    {
        if (!check.ExpectFloat("input") || !check.ExpectFloat("ids") || !check.ExpectFloat("output")) return;
        Map input = check.Maps[Input], ids = check.Maps[Ids], output = check.Maps[Output];
        if (ids.Channels != 1 || ids.Height != input.Height || ids.Width != input.Width)
            check.Report(ManifestErrorId.Shape, $"The numbers to look among are one for each pixel of the input. The input is {input.Size}, the numbers {ids.Size}.", "ids");
        else if (output.Pixels != 1 || output.Channels != input.Channels)
            check.Report(ManifestErrorId.Shape, $"What is selected is one pixel of the input's channels. The input is {input.Size}, the output {output.Size}.", "output");
    }

    public override T Accept<T>(IOperationVisitor<T> visitor) => visitor.Visit(this);
}

internal partial interface IOperationVisitor<out T>
{
    T Visit(SelectOperation operation);
}
