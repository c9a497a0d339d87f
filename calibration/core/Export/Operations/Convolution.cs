using Specializer.Manifest;

namespace Specializer.Calibration.Export;

internal sealed partial class OnnxExporter
{
    /// <summary>Writes a whole convolution with its last half; the first half comes with it.</summary>
    public bool Visit(ConvolutionOperation half)
    {
        if (!_convolutions.TryGetValue(half, out WholeConvolution? whole)) return false;
        Convolve(whole);
        return true;
    }

    private void Convolve(WholeConvolution convolution)
    {
        ConvolutionOperation last = convolution.Last;
        string[] inputs = [.. convolution.Halves.Select(half => half.Input)];
        Map input = _maps[last.Input], output = _maps[last.Output];
        string x = Value(inputs);
        if (_options.Ranges is { } ranges)
            x = Quantized(x, inputs.Select(name => Range(ranges.Maps, name)).Aggregate((a, b) => a.Union(b)));
        if (last.Upsample > 1)
        {
            x = Upsample(convolution.Name + ".upsampled", x, last.Upsample);
            if (output.Height < 2 * input.Height || output.Width < 2 * input.Width) x = Crop(convolution.Name + ".cropped", x, output);
            if (_options.Ranges is { } r) x = Quantized(x, Range(r.Maps, last.Input));
        }

        int After(int inputSize, int outputSize, int before) =>
            Math.Max(0, (outputSize - 1) * last.Stride + last.KernelSize - before - (last.Upsample > 1 ? outputSize : inputSize));
        int[] channels = [.. inputs.Select(name => _maps[name].Channels)];
        float[] weights = convolution.Weights(_tensor, channels, output.Channels), bias = convolution.Bias(_tensor, output.Channels);
        long[] shape = [output.Channels, channels.Sum(), last.KernelSize, last.KernelSize];
        (string, object)[] window =
        [
            ("kernel_shape", new[] { last.KernelSize, last.KernelSize }), ("strides", new[] { last.Stride, last.Stride }),
            ("pads", new[] { last.PaddingTop, last.PaddingLeft, After(input.Height, output.Height, last.PaddingTop), After(input.Width, output.Width, last.PaddingLeft) }),
        ];
        if (_options.Dynamic)
        {
            x = Dynamic(convolution.Name, x, weights, shape, bias, window);
        }
        else
        {
            var (w, b) = _options.Ranges is { } known
                ? QuantizedWeights(convolution.Name, weights, shape, bias, InputScale(inputs, known))
                : (_graph.Constant<float>(convolution.Name + ".weight", weights, shape), _graph.Constant<float>(convolution.Name + ".bias", bias, output.Channels));
            x = _graph.Node("Conv", convolution.Name, [x, w, b], window);
        }

        if (_options.Ranges is { } results) x = Quantized(x, Range(results.Results, convolution.Name));

        foreach (int vector in convolution.Vectors) x = _graph.Node("Add", $"{convolution.Name}.vector.{vector}", [x, _vectors[vector]]);
        if (convolution.Residual is { } residual) x = _graph.Node("Add", convolution.Name + ".residual", [x, _values[residual]]);
        if (last.OutputScale.Value != 1)
            x = _graph.Node("Mul", convolution.Name + ".scaled", [x, _graph.Constant<float>(convolution.Name + ".output_scale", [(float)last.OutputScale.Value])]);
        _values[last.Output] = x;
    }

    /// <summary>Repeats each pixel: without the two empty inputs and with these modes runtimes take their nearest-neighbour copy.</summary>
    private string Upsample(string name, string x, int factor) =>
        _graph.Node("Resize", name, [x, "", _graph.Constant<float>($"upsample.{factor}", [1, 1, factor, factor], 4)],
            ("mode", "nearest"), ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor"));

    /// <summary>The first rows and columns, as many as another map has.</summary>
    private string Crop(string name, string x, Map like) =>
        _graph.Node("Slice", name, [x, _graph.Constant<long>("crop.from", [0, 0], 2), _graph.Constant<long>(name + ".to", [like.Height, like.Width], 2), _graph.Constant<long>("crop.axes", [2, 3], 2)]);

    private (string Weights, string Bias) QuantizedWeights(string name, float[] weights, long[] shape, float[] bias, float inputScale)
    {
        // Sums have 32 bits, their bias among them: of weights that are next to nothing beside it, it decides the scale.
        const float largestBias = 1 << 30;
        int outputs = bias.Length;
        var (q, scales) = Quantize(weights, outputs, [.. bias.Select(b => Math.Abs(b) / inputScale / largestBias)]);
        var biasScales = new float[outputs];
        var qBias = new int[outputs];
        for (int o = 0; o < outputs; o++)
        {
            biasScales[o] = inputScale * scales[o];
            qBias[o] = (int)Math.Clamp(Math.Round((double)bias[o] / biasScales[o]), int.MinValue, int.MaxValue);
        }

        string Dequantized(string quantized, float[] scale) =>
            _graph.Node("DequantizeLinear", quantized + ".dequantized", [quantized, _graph.Constant<float>(quantized + ".scale", scale, outputs)], ("axis", 0));
        return (Dequantized(_graph.Constant<sbyte>(name + ".weight.quantized", q, shape), scales),
            Dequantized(_graph.Constant<int>(name + ".bias.quantized", qBias, outputs), biasScales));
    }

    /// <summary>Symmetric per output channel.</summary>
    /// <param name="weights">Row-major, output channels outermost.</param>
    /// <param name="outputs">Output channels.</param>
    /// <param name="least">The least scale of each; empty for any.</param>
    private static (sbyte[] Weights, float[] Scales) Quantize(float[] weights, int outputs, ReadOnlySpan<float> least = default)
    {
        int row = weights.Length / outputs;
        var q = new sbyte[weights.Length];
        var scales = new float[outputs];
        for (int o = 0; o < outputs; o++)
        {
            Span<float> channel = weights.AsSpan(o * row, row);
            float largest = 0;
            foreach (float weight in channel) largest = Math.Max(largest, Math.Abs(weight));
            float scale = Math.Max(largest / 127, least.IsEmpty ? 0 : least[o]);
            scales[o] = scale > 0 ? scale : 1;
            for (int i = 0; i < row; i++) q[o * row + i] = (sbyte)Math.Clamp(MathF.Round(channel[i] / scales[o]), -127, 127);
        }

        return (q, scales);
    }

    /// <summary>A convolution of integers whose activations' range is found in each run.</summary>
    private string Dynamic(string name, string x, float[] weights, long[] shape, float[] bias, (string, object)[] window)
    {
        // Unsigned with 128 for zero: ONNX Runtime has no quick form for signed weights here.
        const int float32 = 1, zeroWeight = 128;
        // Several convolutions may read one map.
        if (!_dynamic.TryGetValue(x, out string[]? found))
            _dynamic[x] = found = _graph.Node("DynamicQuantizeLinear", x + ".dynamic", [x], [x + ".dynamic", x + ".dynamic_scale", x + ".dynamic_zero"]);
        var (q, scales) = Quantize(weights, bias.Length);
        string sums = _graph.Node("ConvInteger", name + ".sums",
            [found[0], _graph.Constant<byte>(name + ".weight.quantized", Array.ConvertAll(q, w => (byte)(w + zeroWeight)), shape), found[2], _graph.Constant<byte>("weight_zero", [zeroWeight])], window);
        string real = _graph.Node("Cast", name + ".real", [sums], ("to", float32));
        string factor = _graph.Node("Mul", name + ".scale", [found[1], _graph.Constant<float>(name + ".weight.scale", scales, 1, scales.Length, 1, 1)]);
        string scaled = _graph.Node("Mul", name + ".scaled_sums", [real, factor]);
        return _graph.Node("Add", name, [scaled, _graph.Constant<float>(name + ".bias", bias, 1, bias.Length, 1, 1)]);
    }
}
