namespace Specializer.Manifest;

/// <summary>Halves a map by averaging 2×2 pixels, or doubles it by repeating each.</summary>
/// <param name="Name">Module path.</param>
/// <param name="Input">FP32 map read.</param>
/// <param name="Output">FP32 map written.</param>
/// <param name="Halve">Whether to halve; else to double.</param>
internal sealed record ResampleOperation(string Name, string Input, string Output, bool Halve) : UnaryOperation(Name, Input, Output)
{
    public const string JsonName = "resample";

    public override string Kind => JsonName;

    public static Operation Read(ObjectBinder o) => new ResampleOperation(
        o.ModulePath("name"),
        o.ModulePath("input"),
        o.ModulePath("output"),
        o.Boolean("halve"));

    public override void Write(JsonText json)
    {
        base.Write(json);
        json.Key("halve").Value(Halve);
    }

    public override void Check(OperationCheck check)
    {
        Map large = check.Maps[Halve ? Input : Output], small = check.Maps[Halve ? Output : Input];
        if (!check.ExpectFloat("input") || !check.ExpectFloat("output")) return;
        if (large.Height != 2 * small.Height || large.Width != 2 * small.Width || large.Channels != small.Channels)
            check.Report(ManifestErrorId.Shape, $"Resampling changes rows and columns by a factor of 2 and nothing else. The input is {check.Maps[Input].Size}, the output {check.Maps[Output].Size}.", "output");
    }

    public override T Accept<T>(IOperationVisitor<T> visitor) => visitor.Visit(this);
}

internal partial interface IOperationVisitor<out T>
{
    T Visit(ResampleOperation operation);
}
