using Specializer.Ilgpu.Kernels;
using Specializer.Kernels;

namespace Specializer.Ilgpu;

internal sealed partial class IlgpuExecution
{
    public override void Convolve<TShape>(ConvolutionWeights weights, Activation q, Quantization from, Activation y,
        int vector = -1, Activation? residual = null, Correction correction = default, TShape shape = default)
    {
        Enter();
        ConvolutionDimensions s = DimensionsOf(shape);
        CheckWeightBits(integers: true, s.WeightBits);
        CheckExact(ConvolutionGeometry.Of(shape), from, s.WeightBits);
        var a = new ConvolutionArguments { Shape = s, Batch = Batch, Q = Integers(q, (long)s.InputHeight * s.InputWidth, s.InputChannels, Access.Read), InputScale = from.Scale, ZeroPoint = from.ZeroPoint };
        a.X = new() { Elements = a.Q.Elements.Cast<float>() };
        Finish(ref a, weights, y, vector, residual, correction);
        if (!_device.HasTensorCores || !TensorConvolution.Fits(s, from.Levels))
        {
            Launch<TShape, ConvolutionArguments>(DirectConvolution.IntegerLiteral<TShape>, DirectConvolution.IntegerDynamic, DirectConvolution.Items(s, Batch), a);
            return;
        }

        a.Panels = _memory.Rows(weights, a);
        TileKind tile = Tile(s);
        LaunchTensor<TShape>(tile, tile switch
        {
            TileKind.Wide => TensorConvolution.WideLiteral<TShape>,
            TileKind.Large => TensorConvolution.LargeLiteral<TShape>,
            _ => TensorConvolution.SmallLiteral<TShape>,
        }, (tile, s.WeightBits) switch
        {
            (TileKind.Wide, 8) => TensorConvolution.WideDynamic8,
            (TileKind.Wide, _) => TensorConvolution.WideDynamic4,
            (TileKind.Large, 8) => TensorConvolution.LargeDynamic8,
            (TileKind.Large, _) => TensorConvolution.LargeDynamic4,
            (_, 8) => TensorConvolution.SmallDynamic8,
            _ => TensorConvolution.SmallDynamic4,
        }, a);
    }

    private TileKind Tile(ConvolutionDimensions s, bool floats = false) =>
        TensorTile.Choose(1, (long)Batch * s.OutputHeight * s.OutputWidth, s.OutputChannels, floats, _device.Accelerator.NumMultiprocessors);

    private void LaunchTensor<TShape>(TileKind tile, Action<ConvolutionArguments> literal, Action<ConvolutionArguments> dynamic, in ConvolutionArguments a)
        where TShape : struct => LaunchGroups(IsLiteral<TShape>() ? literal : dynamic, TensorConvolution.Groups(a.Shape, Batch, tile), TensorConvolution.Threads, a);

    public override void Convolve<TShape>(ConvolutionWeights weights, Activation x, Activation y,
        int vector = -1, Activation? residual = null, Correction correction = default, TShape shape = default)
    {
        Enter();
        ConvolutionDimensions s = DimensionsOf(shape);
        CheckWeightBits(integers: false, s.WeightBits);
        var a = new ConvolutionArguments { Shape = s, Batch = Batch, X = Floats(x, (long)s.InputHeight * s.InputWidth * s.InputChannels, Access.Read) };
        a.Q = new() { Elements = a.X.Elements.Cast<int>() };
        Finish(ref a, weights, y, vector, residual, correction);
        if (_device.Options.HalfPrecision && HalfConvolution.Fits(s))
        {
            ConvolveHalf<TShape>(weights, x, a);
            return;
        }

        // Under half precision the repacked rows are FP16.
        if (_device.HasTensorCores && !_device.Options.HalfPrecision && TensorConvolution.FitsFloats(s))
        {
            a.Panels = _memory.Rows(weights, a);
            a.Q.Stride = a.X.Stride;
            TileKind tile = Tile(s, floats: true);
            a.Shape = TensorConvolution.OfBytes(s, default(FloatOperand));
            LaunchTensor<TShape>(tile, tile == TileKind.Large ? TensorConvolution.LargeFloatLiteral<TShape> : TensorConvolution.SmallFloatLiteral<TShape>,
                tile == TileKind.Large ? TensorConvolution.LargeFloatDynamic : TensorConvolution.SmallFloatDynamic, a);
            return;
        }

        Launch<TShape, ConvolutionArguments>(DirectConvolution.FloatLiteral<TShape>, DirectConvolution.FloatDynamic, DirectConvolution.Items(s, Batch), a);
    }

    private void ConvolveHalf<TShape>(ConvolutionWeights weights, Activation x, ConvolutionArguments a)
        where TShape : struct, IConvolutionShape
    {
        ConvolutionDimensions s = a.Shape;
        int pixels = s.InputHeight * s.InputWidth;
        a.Q = new() { Elements = Halves(x, pixels, s.InputChannels, a.X), Stride = pixels * HalfConvolution.PixelWords(s.InputChannels) };
        a.Panels = _memory.Rows(weights, a);
        if (!_device.HasTensorCores)
        {
            Launch<TShape, ConvolutionArguments>(HalfConvolution.HalfLiteral<TShape>, HalfConvolution.HalfDynamic, HalfConvolution.Items(s, Batch), a);
            return;
        }

        TileKind tile = Tile(s);
        a.Shape = TensorConvolution.OfBytes(s, default(HalfOperand));
        LaunchTensor<TShape>(tile, tile switch
        {
            TileKind.Wide => TensorConvolution.WideHalfLiteral<TShape>,
            TileKind.Large => TensorConvolution.LargeHalfLiteral<TShape>,
            _ => TensorConvolution.SmallHalfLiteral<TShape>,
        }, tile switch
        {
            TileKind.Wide => TensorConvolution.WideHalfDynamic,
            TileKind.Large => TensorConvolution.LargeHalfDynamic,
            _ => TensorConvolution.SmallHalfDynamic,
        }, a);
    }

    private static ConvolutionDimensions DimensionsOf<TShape>(TShape shape)
        where TShape : struct, IConvolutionShape
    {
        ConvolutionGeometry.Of(shape);
        return ConvolutionDimensions.Of(shape);
    }

    /// <summary>Weights, result and what is added to it. Views that a call does not use repeat another: ILGPU takes no null views.</summary>
    private void Finish(ref ConvolutionArguments a, ConvolutionWeights weights, Activation y, int vector, Activation? residual, Correction correction)
    {
        _weights.Find(weights, ref a);
        int channels = a.Shape.OutputChannels;
        long elements = (long)a.Shape.OutputHeight * a.Shape.OutputWidth * channels;
        a.Output = a.Residual = a.Vector = Floats(y, elements, Access.Write);
        a.Padding = _memory.Padding.Cast<int>();
        if (residual is { } other)
        {
            a.HasResidual = 1;
            a.Residual = Floats(other, elements, Access.Read);
        }

        if (vector >= 0)
        {
            CheckVector(vector, channels);
            a.HasVector = 1;
            a.Vector = Floats(_vectors, _vectorLength, Access.Read);
            a.Vector.Elements = a.Vector.Elements.SubView(vector);
        }

        (a.CorrectedFrom, a.CorrectedTo) = Corrected(correction, channels);
        a.Gain = correction.Gain;
        a.Offset = a.Bias;
        if (a.CorrectedFrom == a.CorrectedTo || correction.Offset.Length == 0) return;
        a.HasOffset = 1;
        a.Offset = Upload(correction.Offset);
    }
}
