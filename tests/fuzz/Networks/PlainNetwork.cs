using Specializer.Calibration;
using Specializer.Kernels;
using Specializer.Manifest;
using Specializer.Numerics;
using Specializer.Packing;

namespace Specializer.Fuzz;

/// <summary>A whole network in the plain loops of docs/arithmetic.md, one image at a time: those that the kernels' tests compare single operations with, and for maps without weights loops of its own.</summary>
internal sealed class PlainNetwork : IOperationVisitor<float[][]>
{
    private readonly Network _network;
    private readonly QuantizationSlots _slots;
    private readonly Dictionary<string, Map> _maps;
    private readonly IReadOnlyDictionary<string, WeightTensor> _tensors;
    private readonly Func<string, long, byte[]> _bytes;
    private readonly Dictionary<string, float[]> _weights = [], _floats = [];
    private readonly Dictionary<string, int[]> _integers = [];
    private InterpretedStep _step = InterpretedStep.Float32;
    private float[] _vectors = [];
    private bool _corrects;

    /// <param name="network">A sound network.</param>
    /// <param name="steps">Rows of the embedding's table.</param>
    /// <param name="tensor">Gives the little-endian bytes of a tensor.</param>
    public PlainNetwork(Network network, int steps, Func<string, long, byte[]> tensor)
    {
        (_network, _bytes) = (network, tensor);
        _slots = new(network);
        _maps = network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        _tensors = WeightTensors.Of(network, steps);
    }

    /// <summary>The prediction for one image, NHWC.</summary>
    /// <param name="step">Row of the embedding's table.</param>
    /// <param name="parameters">Quantization and mean correction.</param>
    /// <param name="x">What the network reads.</param>
    /// <param name="label">Of an image of a network with classes.</param>
    /// <param name="corrects">Whether the last convolution corrects the mean, which of guided images it does not.</param>
    public float[] Evaluate(int step, InterpretedStep parameters, float[] x, int label, bool corrects)
    {
        (_step, _corrects, _vectors) = (parameters, corrects, Embed(step, label));
        _floats[_network.Latent] = x;
        foreach (Operation operation in _network.Operations)
        {
            foreach (var (map, result) in operation.Outputs().Zip(operation.Accept(this)))
            {
                if (_maps[map].IsQuantized) _integers[map] = [.. result.Select(new AffineQuantizer(Quantization(map)).Round)];
                else _floats[map] = result;
            }
        }

        return _floats[_network.Epsilon];
    }

    private float[] Embed(int step, int label)
    {
        var (width, _, vectors) = _network.Embedding;
        if (vectors == 0) return [];
        if (width == 0) return Weights("embedding.vectors").AsSpan(step * vectors, vectors).ToArray();
        float[] time = Weights("embedding.time")[(step * width)..][..width], of = Weights("embedding.label")[(label * width)..][..width], weights = Weights("embedding.weight"), bias = Weights("embedding.bias");
        return [.. bias.Select((b, v) => Reference.Project(time, of, weights[(v * width)..][..width], b))];
    }

    public float[][] Visit(ConvolutionOperation o)
    {
        Map input = _maps[o.Input], output = _maps[o.Output];
        var shape = new ConvolutionGeometry(input.Height, input.Width, input.Channels, output.Height, output.Width, output.Channels, o.KernelSize, o.Stride, o.PaddingTop, o.PaddingLeft, o.Upsample, o.OutputScale.Single);
        bool corrects = _corrects && o.Output == _network.Epsilon;
        var finish = new Reference.Finish(
            o.Vector < 0 ? null : _vectors[o.Vector..(o.Vector + output.Channels)], o.Residual is null ? null : _floats[o.Residual], o.OutputScale.Single,
            corrects ? _step.Gain : 1, corrects && _step.Offset.Length > 0 ? _step.Offset : null);
        float[] weights = Weights($"{o.Name}.weight"), bias = Weights($"{o.Name}.bias");
        if (!o.IsInteger) return [Reference.Convolve(shape, _floats[o.Input], weights, bias, finish)];
        // Rows of 4-bit weights end at whole bytes.
        int row = weights.Length / output.Channels, used = shape.Taps * input.Channels;
        return [Reference.Convolve(shape, _integers[o.Input], Quantization(o.Input), [.. weights.Where((_, i) => i % row < used).Select(w => (sbyte)w)], Weights($"{o.Name}.scale"), bias, finish)];
    }

    public float[][] Visit(QuantizeOperation o) => [_floats[o.Input]];

    public float[][] Visit(GroupNormOperation o)
    {
        Map map = _maps[o.Input];
        int first = map.Channels, all = o.Channels(_maps);
        float[] x = o.Skip is null ? _floats[o.Input] : [.. _floats[o.Input].Chunk(first).Zip(_floats[o.Skip].Chunk(all - first)).SelectMany(p => p.First.Concat(p.Second))];
        float[] y = Reference.Normalize(x, map.Height, map.Width, all, o.Groups, o.Epsilon.Single, Weights($"{o.Name}.weight"), Weights($"{o.Name}.bias"), o.Silu);
        return [[.. y.Chunk(all).SelectMany(p => p[..first])], [.. y.Chunk(all).SelectMany(p => p[first..])]];
    }

    public float[][] Visit(LayerNormOperation o) => [Reference.LayerNormalize(_floats[o.Input], Weights($"{o.Name}.weight"), Weights($"{o.Name}.bias"), o.Epsilon.Single)];

    public float[][] Visit(AttentionOperation o)
    {
        Map y = _maps[o.Output];
        int tokens = (int)y.Pixels, head = y.Channels / o.Heads;
        return [_slots.First(o) is >= 0 and var slot
            ? Reference.Attend(_floats[o.Input], tokens, o.Heads, head, _step.Quantizations[slot], _step.Quantizations[slot + 1], _step.Quantizations[slot + 2])
            : Reference.Attend(_floats[o.Input], tokens, o.Heads, head)];
    }

    public float[][] Visit(CrossAttentionOperation o)
    {
        Map y = _maps[o.Output];
        int tokens = (int)y.Pixels, context = (int)_maps[o.Context].Pixels, head = y.Channels / o.Heads;
        return [_slots.First(o) is >= 0 and var slot
            ? Reference.AttendCross(_floats[o.Input], _floats[o.Context], tokens, context, o.Heads, head, o.Causal, _step.Quantizations[slot], _step.Quantizations[slot + 1], _step.Quantizations[slot + 2])
            : Reference.AttendCross(_floats[o.Input], _floats[o.Context], tokens, context, o.Heads, head, o.Causal)];
    }

    public float[][] Visit(ActivationOperation o) => [Each(_floats[o.Input], o.Function switch
    {
        "silu" => x => x / (1 + Transcendental.Exp(-x)),
        "gelu" => Gelu,
        "quick_gelu" => x => x / (1 + Transcendental.Exp(-1.702f * x)),
        "relu" => x => MathF.Max(x, 0),
        "mish" => x =>
        {
            float e = Transcendental.Exp(MathF.Min(x, 20)), n = e * (e + 2);
            return x * (n / (n + 2));
        },
        "tanh" => x => 1 - 2 / (1 + Transcendental.Exp(x + x)),
        _ => throw new NotSupportedException($"There is no plain form of '{o.Function}'."),
    })];

    public float[][] Visit(GegluOperation o)
    {
        int channels = _maps[o.Output].Channels;
        return [[.. _floats[o.Input].Chunk(2 * channels).SelectMany(p => Enumerable.Range(0, channels).Select(c => p[c] * Gelu(p[channels + c])))]];
    }

    public float[][] Visit(LinearMapOperation o) => [Each(_floats[o.Input], x => MathF.FusedMultiplyAdd(x, o.Scale.Single, o.Offset.Single))];

    public float[][] Visit(ScaleShiftOperation o)
    {
        int channels = _maps[o.Output].Channels;
        return [Modulated(_floats[o.Input], channels, _vectors[o.Vector..(o.Vector + 2 * channels)])];
    }

    public float[][] Visit(ModulationOperation o) => [Modulated(_floats[o.Input], _maps[o.Input].Channels, _floats[o.Condition])];

    public float[][] Visit(ResampleOperation o)
    {
        Map y = _maps[o.Output];
        float[] x = _floats[o.Input];
        int width = _maps[o.Input].Width;
        var result = new float[y.Height * y.Width * y.Channels];
        for (int row = 0; row < y.Height; row++)
            for (int column = 0; column < y.Width; column++)
                for (int c = 0; c < y.Channels; c++)
                    result[(row * y.Width + column) * y.Channels + c] = o.Halve ? 0.25f * ((At(2 * row, 2 * column, c) + At(2 * row, 2 * column + 1, c)) + (At(2 * row + 1, 2 * column, c) + At(2 * row + 1, 2 * column + 1, c))) : At(row / 2, column / 2, c);
        return [result];

        float At(int row, int column, int c) => x[(row * width + column) * y.Channels + c];
    }

    public float[][] Visit(LookupOperation o)
    {
        int channels = _maps[o.Output].Channels;
        float[] table = Weights($"{o.Name}.table"), positions = Weights($"{o.Name}.position");
        return [[.. _floats[o.Input].SelectMany((id, pixel) => Enumerable.Range(0, channels).Select(c => table[(id >= 0 && id < o.Rows ? (int)id : 0) * channels + c] + positions[pixel * channels + c]))]];
    }

    public float[][] Visit(SelectOperation o) => [_floats[o.Input].Chunk(_maps[o.Input].Channels).ElementAt(Math.Max(0, Array.IndexOf(_floats[o.Ids], o.Id)))];

    public float[][] Visit(CodebookOperation o)
    {
        float[][] codes = [.. Weights($"{o.Name}.weight").Chunk(_maps[o.Output].Channels)];
        return [[.. _floats[o.Input].Chunk(codes[0].Length).SelectMany(pixel => codes.MinBy(code => code.Zip(pixel).Aggregate(0f, (sum, p) => MathF.FusedMultiplyAdd(p.Second - p.First, p.Second - p.First, sum)))!)]];
    }

    private static float Gelu(float x) => 0.5f * x * (1 + Transcendental.Erf(x * 0.70710677f));

    private static float[] Each(float[] values, Func<float, float> function) => [.. values.Select(function)];

    private static float[] Modulated(float[] values, int channels, float[] vector) =>
        [.. values.Select((x, i) => vector.Length == channels ? x + vector[i % channels] : MathF.FusedMultiplyAdd(x, 1 + vector[i % channels], vector[channels + i % channels]))];

    private Quantization Quantization(string map) => _step.Quantizations[_slots[map]];

    /// <summary>A tensor's numbers, whatever they are stored in.</summary>
    private float[] Weights(string name)
    {
        if (_weights.TryGetValue(name, out float[]? values)) return values;
        WeightTensor tensor = _tensors[name];
        return _weights[name] = RandomWeights.Numbers(tensor, _bytes(name, tensor.Bytes));
    }
}
