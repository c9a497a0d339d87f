using System.Diagnostics;
using Specializer.Kernels;
using Specializer.Manifest;
using Specializer.Numerics;

namespace Specializer.Benchmarks.Measurement;

/// <summary>What the exponentials within attention take: measured apart, on as many scores as a core's own cache holds, for nothing can look into an operation while it runs.</summary>
internal static unsafe class SoftmaxTime
{
    private const int Tries = 60, Scores = 1 << 15;

    /// <summary>Milliseconds of one thread for all queries of an operation.</summary>
    /// <param name="operation">Any; what is no attention takes none.</param>
    /// <param name="maps">By name.</param>
    /// <param name="batch">Images.</param>
    public static double Of(Operation operation, Dictionary<string, Map> maps, int batch) => operation switch
    {
        AttentionOperation o => batch * o.Heads * maps[o.Output].Pixels * OfQuery((int)maps[o.Output].Pixels, o.ProductBits == 8),
        CrossAttentionOperation o => batch * o.Heads * maps[o.Output].Pixels * OfQuery((int)maps[o.Context].Pixels, o.ProductBits == 8),
        _ => 0,
    };

    /// <summary>The fastest of several tries: disturbances only ever add.</summary>
    private static double OfQuery(int keys, bool quantized)
    {
        const int panel = ConvolutionGeometry.PanelWidth;
        int stride = (keys + panel - 1) / panel * panel, rows = Math.Max(WideFloatTile.Pixels, Scores / stride);
        var random = new Random(5);
        float[] drawn = [.. Enumerable.Range(0, rows * stride).Select(_ => 4 * random.NextSingle() - 2)], scores = new float[drawn.Length];
        double best = double.PositiveInfinity;
        fixed (float* x = scores)
        {
            for (int i = 0; i < Tries; i++)
            {
                drawn.CopyTo(scores, 0);
                long start = Stopwatch.GetTimestamp();
                float inverse = 0;
                for (float* row = x; row < x + scores.Length; row += stride)
                    inverse += quantized ? Softmax.QuantizedExponentials(row, keys, WideVectors.Pay) : Softmax.Exponentials(row, keys, WideVectors.Pay);
                GC.KeepAlive(inverse);
                best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }
        }

        return best / rows;
    }
}
