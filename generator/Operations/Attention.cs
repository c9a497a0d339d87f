using Specializer.Generator.Model;
using Specializer.Manifest;

namespace Specializer.Generator.Parsing;

internal sealed partial class SamplerModelBuilder
{
    public Call Visit(AttentionOperation o) => new AttendCall(_shapes.Attention(o, _maps[o.Output]), _mapNames[o.Input], _mapNames[o.Output], _slots.First(o));
}

internal sealed partial class ShapeTable
{
    public string Attention(AttentionOperation o, Map output)
    {
        int tokens = output.Height * output.Width;
        int headChannels = output.Channels / o.Heads;
        return Add("IAttentionShape", $"Attention{Literal.Int(tokens)}x{Literal.Int(o.Heads)}x{Literal.Int(headChannels)}",
            $"{Literal.Int(o.Heads)} heads of {Literal.Int(headChannels)} channels over {Literal.Int(tokens)} pixels.",
            [Int("Tokens", tokens), Int("Heads", o.Heads), Int("HeadChannels", headChannels)]);
    }
}

/// <param name="Shape">Shape struct.</param>
/// <param name="X">Map read.</param>
/// <param name="Y">Map written.</param>
/// <param name="Slot">Quantization of the query, which those of key and value follow; −1 when the products are FP32.</param>
internal sealed record AttendCall(string Shape, string X, string Y, int Slot) : Call(Shape)
{
    public override string Print(Func<int, string> quantization, string? correction)
    {
        string ranges = Slot < 0 ? "" : $", query: {quantization(Slot)}, key: {quantization(Slot + 1)}, value: {quantization(Slot + 2)}";
        return $"run.Attend<{Shape}>(Maps.{X}, Maps.{Y}{ranges});";
    }
}
