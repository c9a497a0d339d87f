using Specializer.Generator.Model;
using Specializer.Manifest;

namespace Specializer.Generator.Parsing;

internal sealed partial class SamplerModelBuilder
{
    public Call Visit(CrossAttentionOperation o) =>
        new AttendCrossCall(_shapes.CrossAttention(o, _maps[o.Output], _maps[o.Context]), _mapNames[o.Input], _mapNames[o.Context], _mapNames[o.Output], _slots.First(o));
}

internal sealed partial class ShapeTable
{
    public string CrossAttention(CrossAttentionOperation o, Map output, Map context)
    {
        string tokens = Literal.Int(output.Pixels), keys = Literal.Int(context.Pixels), heads = Literal.Int(o.Heads), channels = Literal.Int(output.Channels / o.Heads);
        return Add("ICrossAttentionShape", $"CrossAttention{tokens}Over{keys}x{heads}x{channels}{(o.Causal ? "Causal" : "")}",
            $"{heads} heads of {channels} channels, {tokens} pixels over {keys}{(o.Causal ? ", each over those before" : "")}.",
            [
                new("int", "Tokens", tokens), new("int", "ContextTokens", keys), new("int", "Heads", heads), new("int", "HeadChannels", channels),
                new("bool", "Causal", Literal.Bool(o.Causal)),
            ]);
    }
}

/// <param name="Shape">Shape struct.</param>
/// <param name="Query">Map of the queries.</param>
/// <param name="Context">Map of keys and values.</param>
/// <param name="Y">Map written.</param>
/// <param name="Slot">Quantization of the query, which those of key and value follow; −1 when the products are FP32.</param>
internal sealed record AttendCrossCall(string Shape, string Query, string Context, string Y, int Slot) : Call(Shape)
{
    public override string Print(Func<int, string> quantization, string? correction)
    {
        string ranges = Slot < 0 ? "" : $", ofQuery: {quantization(Slot)}, ofKey: {quantization(Slot + 1)}, ofValue: {quantization(Slot + 2)}";
        return $"run.AttendCross<{Shape}>(Maps.{Query}, Maps.{Context}, Maps.{Y}{ranges});";
    }
}
