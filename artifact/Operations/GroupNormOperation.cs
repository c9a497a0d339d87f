using Specializer.Packing;

namespace Specializer.Manifest;

/// <summary>Group norm over one map or a skip concatenation of two, with optional SiLU, into FP32 or quantized maps.
/// Tensors: <c>NAME.weight</c> [C], <c>NAME.bias</c> [C], C over both maps.</summary>
/// <param name="Name">Module path.</param>
/// <param name="Input">FP32 map read.</param>
/// <param name="Output">Map written for the first.</param>
/// <param name="Skip">Second FP32 map, or null.</param>
/// <param name="SkipOutput">Map written for the second, or null.</param>
/// <param name="Groups">Groups over all channels.</param>
/// <param name="Epsilon">Added to the variance.</param>
/// <param name="Silu">Whether SiLU follows.</param>
internal sealed record GroupNormOperation(
    string Name, string Input, string Output, string? Skip, string? SkipOutput, int Groups, Number Epsilon, bool Silu) : Operation(Name)
{
    public const string JsonName = "groupNorm";

    public override string Kind => JsonName;

    public static Operation Read(ObjectBinder o) => new GroupNormOperation(
        o.ModulePath("name"),
        o.ModulePath("input"),
        o.ModulePath("output"),
        o.ModulePathOrNull("skip"),
        o.ModulePathOrNull("skipOutput"),
        o.Integer("groups", 1, ManifestLimits.Channels),
        o.Number("epsilon", NumberRange.Positive),
        o.Boolean("silu"));

    public override IEnumerable<Port> Reads() => Skip is null ? [new("input", Input)] : [new("input", Input), new("skip", Skip)];

    public override IEnumerable<Port> Writes() => SkipOutput is null ? [new("output", Output)] : [new("output", Output), new("skipOutput", SkipOutput)];

    public override bool QuantizesOutputs => true;

    public override Operation Rename(string name, Func<string, string> map) =>
        this with { Name = name, Input = map(Input), Output = map(Output), Skip = Skip is null ? null : map(Skip), SkipOutput = SkipOutput is null ? null : map(SkipOutput) };

    public override void Write(JsonText json) => json.Key("input").Value(Input).Key("output").Value(Output).Key("skip").Value(Skip)
        .Key("skipOutput").Value(SkipOutput).Key("groups").Value(Groups).Key("epsilon").Value(Epsilon).Key("silu").Value(Silu);

    /// <summary>Channels of both maps.</summary>
    public int Channels(IReadOnlyDictionary<string, Map> maps) => maps[Input].Channels + (Skip is null ? 0 : maps[Skip].Channels);

    public override void Check(OperationCheck check)
    {
        Map input = check.Maps[Input];
        if (!check.ExpectFloat("input") || !check.ExpectEqual(Input, "output")) return;
        if ((Skip is null) != (SkipOutput is null))
        {
            check.Report(ManifestErrorId.Contradiction, "'skip' and 'skipOutput' belong together: give both or neither.");
            return;
        }

        if (Skip is not null)
        {
            Map skip = check.Maps[Skip];
            if (!check.ExpectFloat("skip") || !check.ExpectEqual(Skip, "skipOutput")) return;
            if (skip.Height != input.Height || skip.Width != input.Width)
                check.Report(ManifestErrorId.Shape, $"The skip is {skip.Size}, the input {input.Size}; rows and columns must be equal.", "skip");
            if (check.Maps[SkipOutput!].Type != check.Maps[Output].Type)
                check.Report(ManifestErrorId.ElementType, "Both outputs of a group norm must have the same type.", "skipOutput");
        }

        int channels = Channels(check.Maps);
        if (channels % Groups != 0) check.Report(ManifestErrorId.Shape, $"{Groups} groups do not divide {channels} channels.", "groups");
    }

    public override IEnumerable<WeightTensor> Tensors(IReadOnlyDictionary<string, Map> maps) =>
        [new($"{Name}.weight", "F32", Channels(maps)), new($"{Name}.bias", "F32", Channels(maps))];

    public override long PackedBytes(IReadOnlyDictionary<string, Map> maps) => 2 * WeightLayout.Align(4L * Channels(maps));

    public override int[] PackedShape(IReadOnlyDictionary<string, Map> maps) => [Channels(maps)];

    public override void Pack(WeightSections sections, IReadOnlyDictionary<string, Map> maps)
    {
        sections.Floats($"{Name}.weight");
        sections.Floats($"{Name}.bias");
    }

    public override T Accept<T>(IOperationVisitor<T> visitor) => visitor.Visit(this);
}

internal partial interface IOperationVisitor<out T>
{
    T Visit(GroupNormOperation operation);
}
