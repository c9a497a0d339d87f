using Specializer.Generator.Model;
using Specializer.Manifest;

namespace Specializer.Generator.Parsing;

internal sealed partial class SamplerModelBuilder
{
    public Call Visit(GroupNormOperation o)
    {
        Map output = _maps[o.Output];
        string shape = _shapes.GroupNorm(o, _maps[o.Input], output, o.Skip is null ? null : _maps[o.Skip]);
        string weights = Weights("NormWeights", o.Name, "gamma and beta of " + Literal.Int(o.Channels(_maps)) + " channels");
        string? skip = o.Skip is null ? null : _mapNames[o.Skip];
        string? skipOutput = o.SkipOutput is null ? null : _mapNames[o.SkipOutput];
        return output.IsQuantized
            ? new NormalizeQuantizeCall(shape, weights, _mapNames[o.Input], _mapNames[o.Output], _slots[o.Output], skip, skipOutput,
                o.SkipOutput is null ? -1 : _slots[o.SkipOutput])
            : new NormalizeCall(shape, weights, _mapNames[o.Input], _mapNames[o.Output], skip, skipOutput);
    }
}

internal sealed partial class ShapeTable
{
    public string GroupNorm(GroupNormOperation o, Map input, Map output, Map? skip)
    {
        string function = o.Silu ? "Silu" : "None";
        return Add("IGroupNormShape",
            $"GroupNorm{Size(input)}{(skip is null ? "" : "And" + Literal.Int(skip.Channels))}{(o.Silu ? "Silu" : "")}{Suffix(output.Type)}",
            $"{Literal.Int(o.Groups)} groups over {Describe(input)}{(skip is null ? "" : $" and {Literal.Int(skip.Channels)} more channels of the skip")}{(o.Silu ? ", then SiLU" : "")}, into {Storage(output.Type)}.",
            [
                Int("Height", input.Height), Int("Width", input.Width), Int("Channels", input.Channels), Int("SkipChannels", skip?.Channels ?? 0),
                Int("Groups", o.Groups), new("float", "Epsilon", Literal.Float(o.Epsilon)),
                new("global::Specializer.CompilerServices.Nonlinearity", "Nonlinearity", "global::Specializer.CompilerServices.Nonlinearity." + function), Int("ElementSize", output.ElementSize),
            ]);
    }
}

internal sealed record NormalizeCall(string Shape, string Weights, string X, string Y, string? Skip, string? SkipY) : Call(Shape)
{
    public override string Print(Func<int, string> quantization, string? correction)
    {
        string skip = Skip is null ? "" : $", skip: Maps.{Skip}, ySkip: Maps.{SkipY}";
        return $"run.Normalize<{Shape}>(Weights.{Weights}, Maps.{X}, Maps.{Y}{skip});";
    }
}

internal sealed record NormalizeQuantizeCall(
    string Shape, string Weights, string X, string Q, int Slot, string? Skip, string? SkipQ, int SkipSlot) : Call(Shape)
{
    public override string Print(Func<int, string> quantization, string? correction)
    {
        string skip = Skip is null ? "" : $", skip: Maps.{Skip}, qSkip: Maps.{SkipQ}, skipTo: {quantization(SkipSlot)}";
        return $"run.NormalizeQuantize<{Shape}>(Weights.{Weights}, Maps.{X}, Maps.{Q}, {quantization(Slot)}{skip});";
    }
}
