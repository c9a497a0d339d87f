using Specializer.Benchmarks.Kernels;
using Specializer.Calibration;
using Specializer.Kernels;
using Specializer.Manifest;
using Specializer.Numerics;

namespace Specializer.Benchmarks.Measurement;

/// <summary>Multiply-adds that the processor executes for an operation, by the instruction that makes them. Tiles and panels are always full, so that there are more than the network asks for;
/// Winograd's forms make fewer. Their transformations multiply nothing: they cost time only.</summary>
/// <param name="Float32">Fused multiply-adds in FP32.</param>
/// <param name="Word">Of 16-bit numbers.</param>
/// <param name="Byte">Of bytes.</param>
internal readonly record struct ExecutedProducts(double Float32, double Word, double Byte)
{
    private const int PanelWidth = ConvolutionGeometry.PanelWidth;

    public double All => Float32 + Word + Byte;

    /// <summary>What they would take if nothing but they were executed.</summary>
    public double MillisecondsAt(MachineLimits limits) => (Float32 / limits.Float32.Best + Word / limits.Word.Best + Byte / limits.Byte.Best) / 1e6;

    public static ExecutedProducts operator +(ExecutedProducts a, ExecutedProducts b) => new(a.Float32 + b.Float32, a.Word + b.Word, a.Byte + b.Byte);

    public static ExecutedProducts operator *(int times, ExecutedProducts a) => new(times * a.Float32, times * a.Word, times * a.Byte);

    /// <summary>Of each operation of a network, as this processor computes it.</summary>
    public static ExecutedProducts[] Of(NetworkRun run)
    {
        var maps = run.Interpreter.Network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        int batch = run.Execution.Batch;
        return [.. run.Interpreter.Network.Operations.Select(operation => operation switch
        {
            ConvolutionOperation o => Convolution(o, maps, batch, run.LargestSum),
            AttentionOperation o => Attention(batch * o.Heads, maps[o.Output], maps[o.Output].Pixels, o.Heads, o.ProductBits),
            CrossAttentionOperation o => Attention(batch * o.Heads, maps[o.Output], maps[o.Context].Pixels, o.Heads, o.ProductBits),
            _ => default,
        })];
    }

    private static ExecutedProducts Convolution(ConvolutionOperation o, Dictionary<string, Map> maps, int batch, Func<ConvolutionOperation, ConvolutionGeometry, long> largestSum)
    {
        Map input = maps[o.Input], output = maps[o.Output];
        var g = ConvolutionGeometry.Of(new DynamicConvolution(input.Height, input.Width, input.Channels, output.Height, output.Width, output.Channels,
            o.KernelSize, o.Stride, o.PaddingTop, o.PaddingLeft, o.Upsample, o.WeightBits, o.OutputScale.Single));
        return Of(g, batch, o.WeightBits, FormOf(g, batch, o.WeightBits, g.KernelSize == 3 ? largestSum(o, g) : 0));
    }

    /// <summary>The form that the CPU chooses.</summary>
    /// <param name="g">Shape.</param>
    /// <param name="batch">Images.</param>
    /// <param name="weightBits">4 or 8; 16 or 32 in FP32.</param>
    /// <param name="largest">Largest magnitude of a sum over weights and activations; of no concern in FP32.</param>
    public static ConvolutionForm FormOf(in ConvolutionGeometry g, int batch, int weightBits, long largest) =>
        weightBits < 16 ? Winograd.Choose(g, batch, weightBits, largest, WideVectors.Pay) : FloatWinograd.Computes(g) ? ConvolutionForm.Winograd2 : ConvolutionForm.Direct;

    /// <summary>Of a convolution.</summary>
    /// <param name="g">Shape.</param>
    /// <param name="batch">Images.</param>
    /// <param name="weightBits">4 or 8; 16 or 32 in FP32.</param>
    /// <param name="form">In which it is computed.</param>
    public static ExecutedProducts Of(in ConvolutionGeometry g, int batch, int weightBits, ConvolutionForm form)
    {
        bool real = weightBits >= 16, bytes = weightBits == 4 && form == ConvolutionForm.Direct, wide = WideVectors.Pay;
        // What only differs in its vectors cuts a map alike.
        (int taps, int columns) = form switch
        {
            ConvolutionForm.Winograd4 => (36, Winograd.Patches<Winograd4<WordSource, Lanes256<short>, Lanes256<int>>>(g).OutputPixels),
            ConvolutionForm.Winograd2 => (16, Winograd.Patches<Winograd2<WordSource, Lanes256<short>, Lanes256<int>>>(g).OutputPixels),
            _ => (g.Taps, g.OutputPixels),
        };
        columns *= batch;
        int tile = real ? wide ? WideFloatTile.Pixels : FloatTile.Pixels
            : !bytes ? wide ? WideWordTile.Pixels : WordTile.Pixels
            : !wide ? NibbleTile.Pixels
            : columns <= WideFewTile.MostPixels ? WideFewTile.Pixels : WideNibbleTile.Pixels;
        double products = (double)taps * Whole(columns, tile) * (real ? g.InputChannels : 4 * g.ChannelGroups) * PanelWidth * g.Panels;
        return new(real ? products : 0, real || bytes ? 0 : products, bytes ? products : 0);
    }

    private static ExecutedProducts Attention(int heads, Map output, long keys, int headsOfAnImage, int productBits)
    {
        long channels = output.Channels / headsOfAnImage;
        bool real = productBits == 32;
        int tile = real ? WideVectors.Pay ? WideFloatTile.Pixels : FloatTile.Pixels : WideVectors.Pay ? WideWordTile.Pixels : WordTile.Pixels;
        // Sums over channels for each key, then over keys for each channel. Words come by fours.
        double products = (double)heads * Whole(output.Pixels, tile) * (Whole(keys, PanelWidth) * Whole(channels, real ? 1 : 4) + Whole(channels, PanelWidth) * Whole(keys, real ? 1 : 4));
        return real ? new(products, 0, 0) : new(0, products, 0);
    }

    private static long Whole(long count, int multiple) => (count + multiple - 1) / multiple * multiple;
}
