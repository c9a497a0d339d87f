using Specializer.Calibration;
using Specializer.GpuBenchmarks.Shapes;
using Specializer.Ilgpu.Kernels;
using Specializer.Manifest;

namespace Specializer.GpuBenchmarks.Measurement;

/// <summary>A network as generated code would run it: every operation calls the member for a shape of literals. Made at run time, once.</summary>
internal sealed class LiteralNetwork
{
    private readonly NetworkInterpreter _network;
    private readonly InterpretedStep _step;
    private readonly QuantizationSlots _slots;

    public LiteralNetwork(NetworkInterpreter network, InterpretedStep step)
    {
        _network = network;
        _step = step;
        _slots = new(network.Network);
        Operations = [.. network.Network.Operations.Select(o => (o, Resolve(o)))];
    }

    public (Operation Operation, Action<Execution> Run)[] Operations { get; }

    public void Run(Execution run)
    {
        var e = _network.Network.Embedding;
        if (e.Vectors > 0)
            run.Embed(new(_network.Layout.Embedding), _network.Vectors, 0, new EmbeddingDimensions(_network.Steps, e.Width, e.Classes, e.Vectors));
        foreach (var (_, operation) in Operations) operation(run);
    }

    private Action<Execution> Resolve(Operation operation) => operation switch
    {
        QuantizeOperation o => Quantize(o),
        GroupNormOperation o => Normalize(o),
        ConvolutionOperation o => Convolve(o),
        AttentionOperation o => Attend(o),
        _ => throw new NotSupportedException($"The operation '{operation.Name}' is of a kind that this benchmark does not know."),
    };

    private Action<Execution> Quantize(QuantizeOperation o)
    {
        Map map = Map(o.Output);
        return Literal<IMapCall>(typeof(Quantization<>), LiteralShapes.Of(new MapDimensions(map.Height, map.Width, map.Channels, 1)))
            .Of(_network.Buffer(o.Input), _network.Buffer(o.Output), To(o.Output));
    }

    private Action<Execution> Normalize(GroupNormOperation o)
    {
        Map output = Map(o.Output);
        var shape = new GroupNormDimensions(output.Height, output.Width, output.Channels, o.Skip is null ? 0 : Map(o.Skip).Channels, o.Groups, o.Epsilon.Single,
            o.Silu ? Nonlinearity.Silu : Nonlinearity.None, 1);
        Activation skip = o.Skip is null ? default : _network.Buffer(o.Skip), ySkip = o.SkipOutput is null ? default : _network.Buffer(o.SkipOutput);
        return Literal<INormCall>(typeof(Normalization<>), LiteralShapes.Of(shape)).Of(new(_network.Layout[o.Name]), _network.Buffer(o.Input), _network.Buffer(o.Output), skip, ySkip,
            output.IsQuantized ? To(o.Output) : null, o.SkipOutput is null || !output.IsQuantized ? default : To(o.SkipOutput));
    }

    private Action<Execution> Convolve(ConvolutionOperation o)
    {
        Map input = Map(o.Input), output = Map(o.Output);
        var shape = new ConvolutionDimensions(input.Height, input.Width, input.Channels, output.Height, output.Width, output.Channels,
            o.KernelSize, o.Stride, o.PaddingTop, o.PaddingLeft, o.Upsample, o.WeightBits, o.OutputScale.Single);
        return Literal<IConvolutionCall>(typeof(Multiplication<>), LiteralShapes.Of(shape)).Of(new(_network.Layout[o.Name]), _network.Buffer(o.Input), _network.Buffer(o.Output),
            input.IsQuantized ? To(o.Input) : null, o.Vector, o.Residual is null ? null : _network.Buffer(o.Residual));
    }

    private Action<Execution> Attend(AttentionOperation o)
    {
        Map output = Map(o.Output);
        var shape = new AttentionDimensions(output.Height * output.Width, o.Heads, output.Channels / o.Heads);
        return Literal<IAttentionCall>(typeof(AttentionOf<>), LiteralShapes.Of(shape))
            .Of(_network.Buffer(o.Input), _network.Buffer(o.Output), _slots.First(o) is >= 0 and int slot ? _step.Quantizations.AsSpan(slot, o.Slots).ToArray() : []);
    }

    private Map Map(string name) => _network.Network.Maps.Single(m => m.Name == name);

    private CompilerServices.Quantization To(string map) => _step.Quantizations[_network.Slot(map)];

    private static TCall Literal<TCall>(Type generic, Type shape) => (TCall)Activator.CreateInstance(generic.MakeGenericType(shape))!;

    // One class for each member, generic over the shape: what turns a type made at run time into a call that was compiled for it.

    private interface IMapCall
    {
        Action<Execution> Of(Activation x, Activation q, CompilerServices.Quantization to);
    }

    private sealed class Quantization<TShape> : IMapCall
        where TShape : struct, IMapShape
    {
        public Action<Execution> Of(Activation x, Activation q, CompilerServices.Quantization to) => run => run.Quantize<TShape>(x, q, to);
    }

    private interface INormCall
    {
        Action<Execution> Of(NormWeights weights, Activation x, Activation y, Activation skip, Activation ySkip, CompilerServices.Quantization? to, CompilerServices.Quantization skipTo);
    }

    private sealed class Normalization<TShape> : INormCall
        where TShape : struct, IGroupNormShape
    {
        public Action<Execution> Of(NormWeights weights, Activation x, Activation y, Activation skip, Activation ySkip, CompilerServices.Quantization? to, CompilerServices.Quantization skipTo)
        {
            if (to is not { } first) return run => run.Normalize<TShape>(weights, x, y, skip, ySkip);
            return run => run.NormalizeQuantize<TShape>(weights, x, y, first, skip, ySkip, skipTo);
        }
    }

    private interface IConvolutionCall
    {
        Action<Execution> Of(ConvolutionWeights weights, Activation x, Activation y, CompilerServices.Quantization? from, int vector, Activation? residual);
    }

    private sealed class Multiplication<TShape> : IConvolutionCall
        where TShape : struct, IConvolutionShape
    {
        public Action<Execution> Of(ConvolutionWeights weights, Activation x, Activation y, CompilerServices.Quantization? from, int vector, Activation? residual)
        {
            if (from is not { } q) return run => run.Convolve<TShape>(weights, x, y, vector, residual);
            return run => run.Convolve<TShape>(weights, x, q, y, vector, residual);
        }
    }

    private interface IAttentionCall
    {
        Action<Execution> Of(Activation qkv, Activation y, CompilerServices.Quantization[] products);
    }

    private sealed class AttentionOf<TShape> : IAttentionCall
        where TShape : struct, IAttentionShape
    {
        public Action<Execution> Of(Activation qkv, Activation y, CompilerServices.Quantization[] products)
        {
            if (products.Length == 0) return run => run.Attend<TShape>(qkv, y);
            return run => run.Attend<TShape>(qkv, y, products[0], products[1], products[2]);
        }
    }
}
