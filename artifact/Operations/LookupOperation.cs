using Specializer.Packing;

namespace Specializer.Manifest;

/// <summary>Rows of a table by number, plus a row for each position. Tensors: <c>NAME.table</c> F16 or F32 [rows, C], <c>NAME.position</c> F32 [pixels, C].</summary>
/// <param name="Name">Module path.</param>
/// <param name="Input">FP32 map of one channel that holds row numbers.</param>
/// <param name="Output">FP32 map written.</param>
/// <param name="Rows">Rows of the table.</param>
internal sealed record LookupOperation(string Name, string Input, string Output, int Rows) : UnaryOperation(Name, Input, Output)
{
    public const string JsonName = "lookup";

    public override string Kind => JsonName;

    /// <summary>Bits of a number of the table, 16 or 32. The result is FP32.</summary>
    public int TableBits { get; init; } = 32;

    public static Operation Read(ObjectBinder o) => new LookupOperation(
        o.ModulePath("name"),
        o.ModulePath("input"),
        o.ModulePath("output"),
        o.Integer("rows", 1, ManifestLimits.Rows))
    {
        TableBits = o.Has("tableBits") ? o.OneOf("tableBits", 16, 32) : 32,
    };

    public override void Write(JsonText json)
    {
        base.Write(json);
        json.Key("rows").Value(Rows);
        if (TableBits != 32) json.Key("tableBits").Value(TableBits);
    }

    public override void Check(OperationCheck check)
    {
        Map input = check.Maps[Input], output = check.Maps[Output];
        if (!check.ExpectFloat("input") || !check.ExpectFloat("output")) return;
        if (input.Channels != 1 || input.Height != output.Height || input.Width != output.Width)
            check.Report(ManifestErrorId.Shape, $"A lookup reads one number for each pixel it writes. The input is {input.Size}, the output {output.Size}.", "input");
    }

    public override IEnumerable<WeightTensor> Tensors(IReadOnlyDictionary<string, Map> maps) =>
        [new($"{Name}.table", TableBits == 16 ? "F16" : "F32", Rows, maps[Output].Channels), new($"{Name}.position", "F32", maps[Output].Pixels, maps[Output].Channels)];

    public override long PackedBytes(IReadOnlyDictionary<string, Map> maps) =>
        WeightLayout.Align(TableBits / 8L * Rows * maps[Output].Channels) + WeightLayout.Align(4L * maps[Output].Pixels * maps[Output].Channels);

    // Without a word of the width where it is the usual one, so that keys stay what they were.
    public override int[] PackedShape(IReadOnlyDictionary<string, Map> maps) =>
        [Rows, maps[Output].Height, maps[Output].Width, maps[Output].Channels, .. TableBits == 32 ? (int[])[] : [TableBits]];

    public override void Pack(WeightSections sections, IReadOnlyDictionary<string, Map> maps)
    {
        sections.Floats($"{Name}.table");
        sections.Floats($"{Name}.position");
    }

    public override T Accept<T>(IOperationVisitor<T> visitor) => visitor.Visit(this);
}

internal partial interface IOperationVisitor<out T>
{
    T Visit(LookupOperation operation);
}
