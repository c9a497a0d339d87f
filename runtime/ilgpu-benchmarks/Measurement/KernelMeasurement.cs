using Specializer.GpuBenchmarks.Report;
using Specializer.GpuBenchmarks.Shapes;

namespace Specializer.GpuBenchmarks.Measurement;

/// <summary>Measures layers one by one.</summary>
internal static class KernelMeasurement
{
    /// <summary>Every distinct layer in all precisions, one precision after the other. Kernels are compiled side by side and measured alone.</summary>
    public static IEnumerable<KernelRow> Measure(OpenDevices devices, TimeBox box, int width, string network, IReadOnlyCollection<Layer> layers, int[] batches)
    {
        foreach (Precision precision in Precision.All)
        {
            OpenDevice open = devices[precision.Half];
            IEnumerable<Layer> distinct = layers.Distinct().Where(l => Applies(l, precision));
            foreach (var (layer, bench, on) in box.SideBySide(distinct, width, layer => Prepare(open, layer, precision)))
            {
                using (bench)
                using (on)
                {
                    // Large batches of FP32 layers, which have no matrix instructions, would take the time of all others.
                    foreach (int batch in precision.Name == "FP32" ? batches.Where(b => b == batches.Min()) : batches)
                    {
                        if (box.IsOver()) yield break;
                        yield return Row(open, network, layer, precision, batch, on, layers.Count(l => l == layer));
                    }
                }
            }
        }
    }

    /// <summary>A step as the sum of its layers; null where one of them is missing. A group norm quantizes, but before FP16 layers writes FP32, which they convert.</summary>
    public static IEnumerable<SumRow> Sums(IReadOnlyCollection<KernelRow> rows, string network, IReadOnlyCollection<Layer> layers, int[] batches)
    {
        foreach (int batch in batches)
            foreach (string precision in (string[])["FP16", "W8A8", "W4A8"])
            {
                double? sum = 0;
                foreach (Layer layer in layers)
                {
                    string[] names = precision != "FP16" ? [precision, "W8A8"] : layer is NormLayer ? ["FP32", "W8A8"] : ["FP16"];
                    sum += names.Select(n => rows.FirstOrDefault(r => r.Network == network && r.Layer == layer.ToString() && r.Precision == n && r.Batch == batch)).FirstOrDefault(r => r is not null)?.Ms;
                }

                yield return new(network, precision, batch, sum);
            }
    }

    private static (Layer Layer, BenchNetwork Bench, DeviceNetwork On) Prepare(OpenDevice open, Layer layer, Precision precision)
    {
        BenchNetwork bench = BenchNetwork.Of(layer, precision);
        return (layer, bench, new(open.Device, bench));
    }

    private static KernelRow Row(OpenDevice open, string network, Layer layer, Precision precision, int batch, DeviceNetwork on, int count)
    {
        using var run = on.Open(batch);
        Action<Execution> last = on.Literal.Operations[^1].Run;
        double ms = open.Clock.MeasureDevice(run.Stream, () => last(run));
        double seconds = ms / 1e3;
        double? rate = layer.Operations * batch / seconds, limit = precision.Half ? open.Limits.Half : precision.WeightBits == 32 ? null : open.Limits.Int8;
        double? share = layer is NormLayer ? layer.Bytes(precision.WeightBits == 32 ? 32 : 8) * batch / seconds / open.Limits.Bandwidth : rate / limit;
        return new(network, layer.ToString()!, precision.Name, batch, ms, rate / 1e12, share, count);
    }

    private static bool Applies(Layer layer, Precision precision) => layer switch
    {
        NormLayer => precision.Name is "W8A8" or "FP32",
        AttentionLayer => precision.Name is "W8A8" or "FP16" or "FP32",
        _ => true,
    };
}
