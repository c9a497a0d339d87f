using Specializer.Manifest;

namespace Specializer.Calibration.Export;

internal sealed partial class OnnxExporter
{
    public bool Visit(ActivationOperation o)
    {
        _values[o.Output] = Activate(o.Name, o.Function, _values[o.Input]);
        return true;
    }

    /// <summary>A non-linearity in the patterns that runtimes fuse; the operator set has no Gelu and no Mish.</summary>
    private string Activate(string name, string function, string x)
    {
        string Times(string factor) => _graph.Node("Mul", name, [x, factor]);
        string Scalar(string suffix, float value) => _graph.Constant<float>($"{name}.{suffix}", [value]);
        switch (function)
        {
            case "silu":
                return Times(_graph.Node("Sigmoid", name + ".sigmoid", [x]));
            case "quick_gelu":
                return Times(_graph.Node("Sigmoid", name + ".sigmoid", [_graph.Node("Mul", name + ".scaled", [x, Scalar("factor", 1.702f)])]));
            case "gelu":
                string erf = _graph.Node("Erf", name + ".erf", [_graph.Node("Div", name + ".scaled", [x, Scalar("root", MathF.Sqrt(2))])]);
                string product = _graph.Node("Mul", name + ".product", [x, _graph.Node("Add", name + ".shifted", [erf, Scalar("one", 1)])]);
                return _graph.Node("Mul", name, [product, Scalar("half", 0.5f)]);
            case "relu":
                return _graph.Node("Relu", name, [x]);
            case "tanh":
                return _graph.Node("Tanh", name, [x]);
            case "mish":
                return Times(_graph.Node("Tanh", name + ".tanh", [_graph.Node("Softplus", name + ".softplus", [x])]));
            default:
                throw new NotSupportedException($"The function {Names.Quote(function)} of the operation '{name}' is unknown.");
        }
    }
}
