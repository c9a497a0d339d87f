using System.Runtime.InteropServices;
using Specializer.Numerics;

namespace Specializer.Kernels;

/// <summary>The plain loops of docs/arithmetic.md, one element at a time. The kernels must give the same bits; tests compare them.</summary>
internal static partial class Reference
{
    /// <summary>The options that follow a convolution's sum, in their order.</summary>
    public readonly record struct Finish(float[]? Vector = null, float[]? Residual = null, float OutputScale = 1f, float Gain = 1f, float[]? Offset = null)
    {
        public float Apply(float v, int channel, int element)
        {
            if (Vector != null) v += Vector[channel];
            if (Residual != null) v += Residual[element];
            if (OutputScale != 1f) v *= OutputScale;
            return Gain != 1f || Offset != null ? MathF.FusedMultiplyAdd(v, Gain, Offset?[channel] ?? 0f) : v;
        }
    }

    /// <summary>Integer convolution of one image.</summary>
    /// <param name="g">Shape.</param>
    /// <param name="q">[pixel][channel], without the padding of stored maps.</param>
    /// <param name="from">Its quantization.</param>
    /// <param name="weights">[output][tap][input].</param>
    /// <param name="scales">Per output.</param>
    /// <param name="bias">Per output.</param>
    /// <param name="finish">Options.</param>
    public static float[] Convolve(in ConvolutionGeometry g, int[] q, Quantization from, sbyte[] weights, float[] scales, float[] bias, Finish finish)
    {
        var y = new float[g.OutputPixels * g.OutputChannels];
        for (int pixel = 0; pixel < g.OutputPixels; pixel++)
            for (int output = 0; output < g.OutputChannels; output++)
            {
                long sum = 0;
                for (int tap = 0; tap < g.Taps; tap++)
                {
                    int input = InputPixel(g, pixel, tap);
                    if (input < 0) continue;
                    for (int c = 0; c < g.InputChannels; c++)
                        sum += (long)(q[input * g.InputChannels + c] - from.ZeroPoint) * weights[(output * g.Taps + tap) * g.InputChannels + c];
                }

                float v = MathF.FusedMultiplyAdd(checked((int)sum), from.Scale * scales[output], bias[output]);
                int element = pixel * g.OutputChannels + output;
                y[element] = finish.Apply(v, output, element);
            }

        return y;
    }

    /// <summary>FP32 convolution of one image; weights [output][tap][input].</summary>
    public static float[] Convolve(in ConvolutionGeometry g, float[] x, float[] weights, float[] bias, Finish finish) =>
        FloatWinograd.Computes(g) ? Finished(WinogradSums(g, x, weights), bias, finish) : ConvolveDirectly(g, x, weights, bias, finish);

    /// <summary>The same in the direct form, whatever the shape: what GPUs compute.</summary>
    public static float[] ConvolveDirectly(in ConvolutionGeometry g, float[] x, float[] weights, float[] bias, Finish finish) =>
        Finished(DirectSums(g, x, weights), bias, finish);

    private static float[] Finished(float[] sums, float[] bias, Finish finish) =>
        [.. sums.Select((sum, element) => finish.Apply(sum + bias[element % bias.Length], element % bias.Length, element))];

    private static float[] DirectSums(in ConvolutionGeometry g, float[] x, float[] weights)
    {
        var sums = new float[g.OutputPixels * g.OutputChannels];
        for (int pixel = 0; pixel < g.OutputPixels; pixel++)
            for (int output = 0; output < g.OutputChannels; output++)
            {
                float sum = 0;
                for (int tap = 0; tap < g.Taps; tap++)
                {
                    int input = InputPixel(g, pixel, tap);
                    for (int c = 0; c < g.InputChannels; c++)
                        sum = MathF.FusedMultiplyAdd(input < 0 ? 0f : x[input * g.InputChannels + c], weights[(output * g.Taps + tap) * g.InputChannels + c], sum);
                }

                sums[pixel * g.OutputChannels + output] = sum;
            }

        return sums;
    }

    /// <summary>Input pixel that a tap of an output pixel reads, or −1 for padding.</summary>
    private static int InputPixel(in ConvolutionGeometry g, int pixel, int tap) =>
        InputAt(g, pixel / g.OutputWidth * g.Stride + tap / g.KernelSize, pixel % g.OutputWidth * g.Stride + tap % g.KernelSize);

    /// <summary>The same at a row and column that count from the padding's corner.</summary>
    private static int InputAt(in ConvolutionGeometry g, int row, int column)
    {
        int y = row - g.PaddingTop, x = column - g.PaddingLeft;
        // What is upsampled has the output's size.
        bool inside = y >= 0 && x >= 0 && (g.Upsample == 1 ? y < g.InputHeight && x < g.InputWidth : y < g.OutputHeight && x < g.OutputWidth);
        return inside ? y / g.Upsample * g.InputWidth + x / g.Upsample : -1;
    }

    /// <summary>Group normalisation of one image [row][column][channel], FP32 result.</summary>
    public static float[] Normalize(float[] x, int height, int width, int channels, int groups, float epsilon, float[] gamma, float[] beta, bool silu)
    {
        var sums = new double[channels];
        var squares = new double[channels];
        for (int row = 0; row < height; row++)
            for (int c = 0; c < channels; c++)
            {
                double s = 0, q = 0;
                for (int column = 0; column < width; column++)
                {
                    double v = x[(row * width + column) * channels + c];
                    s += v;
                    q += v * v;
                }

                sums[c] += s;
                squares[c] += q;
            }

        var y = new float[x.Length];
        int count = channels / groups;
        for (int group = 0; group < groups; group++)
        {
            double s = 0, q = 0;
            for (int c = group * count; c < (group + 1) * count; c++)
            {
                s += sums[c];
                q += squares[c];
            }

            double n = (double)height * width * count, mean = s / n, inverse = 1 / Math.Sqrt(Math.Max(q / n - mean * mean, 0) + epsilon);
            for (int c = group * count; c < (group + 1) * count; c++)
            {
                double a = gamma[c] * inverse;
                for (int i = c; i < x.Length; i += channels)
                    y[i] = GroupNorm.Map(x[i], (float)a, (float)(beta[c] - mean * a), silu);
            }
        }

        return y;
    }

    /// <summary>The stored bytes of a quantized map: pixels filled up to a multiple of four elements.</summary>
    public static byte[] Stored(int[] q, int channels, int elementSize)
    {
        int padded = (channels + 3) & ~3;
        var elements = new short[q.Length / channels * padded];
        for (int i = 0; i < q.Length; i++) elements[i / channels * padded + i % channels] = (short)q[i];
        return elementSize == 2 ? MemoryMarshal.AsBytes<short>(elements).ToArray() : Array.ConvertAll(elements, e => (byte)e);
    }

    /// <summary>One element of the class-conditional embedding: weights [Embedding] of one output.</summary>
    public static float Project(float[] time, float[] label, float[] weights, float bias)
    {
        float sum = 0;
        for (int e = 0; e < time.Length; e++) sum = MathF.FusedMultiplyAdd(Transcendental.Silu(time[e] + label[e]), weights[e], sum);
        return sum + bias;
    }
}
