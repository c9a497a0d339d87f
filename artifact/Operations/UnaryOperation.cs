namespace Specializer.Manifest;

/// <summary>An operation that reads one map and writes one.</summary>
/// <param name="Name">Module path.</param>
/// <param name="Input">Map read.</param>
/// <param name="Output">Map written.</param>
internal abstract record UnaryOperation(string Name, string Input, string Output) : Operation(Name)
{
    public sealed override IEnumerable<Port> Reads() => [new("input", Input)];

    public sealed override IEnumerable<Port> Writes() => [new("output", Output)];

    public sealed override Operation Rename(string name, Func<string, string> map) => this with { Name = name, Input = map(Input), Output = map(Output) };

    public override void Write(JsonText json) => json.Key("input").Value(Input).Key("output").Value(Output);
}
