using Specializer.Manifest;

namespace Specializer.Calibration.Export;

internal sealed partial class OnnxExporter
{
    public bool Visit(GroupNormOperation norm)
    {
        string[] inputs = norm.Skip is null ? [norm.Input] : [norm.Input, norm.Skip];
        Map map = _maps[norm.Input];
        int channels = inputs.Sum(input => _maps[input].Channels), groups = norm.Groups;
        string Shape(string suffix, params ReadOnlySpan<long> shape) => _graph.Constant($"{norm.Name}.{suffix}", shape, shape.Length);
        string Affine(string suffix) =>
            _graph.Constant<float>($"{norm.Name}.{suffix}", WholeConvolution.Tensor(_tensor, $"{norm.Name}.{suffix}", channels), channels, 1, 1);

        string x = _graph.Node("Reshape", norm.Name + ".groups", [Value(inputs), Shape("grouped", 0, groups, -1)]);
        x = _graph.Node("InstanceNormalization", norm.Name + ".normalized",
            [x, _graph.Constant<float>($"ones.{groups}", Enumerable.Repeat(1f, groups).ToArray(), groups), _graph.Constant<float>($"zeros.{groups}", new float[groups], groups)],
            ("epsilon", (float)norm.Epsilon.Value));
        x = _graph.Node("Reshape", norm.Name + ".map", [x, Shape("mapped", 0, channels, map.Height, map.Width)]);
        x = _graph.Node("Mul", norm.Name + ".scaled", [x, Affine("weight")]);
        x = _graph.Node("Add", norm.Name + ".shifted", [x, Affine("bias")]);
        if (norm.Silu) x = _graph.Node("Mul", norm.Name + ".silu", [x, _graph.Node("Sigmoid", norm.Name + ".sigmoid", [x])]);

        if (norm.SkipOutput is null)
        {
            _values[norm.Output] = x;
            return true;
        }

        _concatenations[Key(norm.Output, norm.SkipOutput)] = x;
        // A non-linearity that norms do not have is an operation on each half.
        if (_network.Operations.Any(o => o is ActivationOperation && o.Inputs().Contains(norm.Output)))
        {
            string[] halves = _graph.Node("Split", norm.Name + ".split", [x, Shape("halves", [.. inputs.Select(input => _maps[input].Channels)])], [norm.Output, norm.SkipOutput], ("axis", 1));
            (_values[norm.Output], _values[norm.SkipOutput]) = (halves[0], halves[1]);
        }

        return true;
    }
}
