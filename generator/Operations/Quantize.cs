using Specializer.Generator.Model;
using Specializer.Manifest;

namespace Specializer.Generator.Parsing;

internal sealed partial class SamplerModelBuilder
{
    public Call Visit(QuantizeOperation o) => new QuantizeCall(_shapes.Map(_maps[o.Output]), _mapNames[o.Input], _mapNames[o.Output], _slots[o.Output]);
}

/// <param name="Shape">Shape struct.</param>
/// <param name="X">Map read.</param>
/// <param name="Q">Map written.</param>
/// <param name="Slot">Its quantization.</param>
internal sealed record QuantizeCall(string Shape, string X, string Q, int Slot) : Call(Shape)
{
    public override string Print(Func<int, string> quantization, string? correction) => $"run.Quantize<{Shape}>(Maps.{X}, Maps.{Q}, {quantization(Slot)});";
}
