using Specializer.GpuBenchmarks.Shapes;
using Specializer.Ilgpu;

namespace Specializer.GpuBenchmarks.Measurement;

/// <summary>Measures layers one by one.</summary>
internal static class KernelMeasurement
{
    /// <summary>Every distinct layer in all precisions that this device's option belongs to.</summary>
    public static IEnumerable<KernelRow> Measure(IlgpuDevice device, DeviceClock clock, CardLimits limits, string network, IEnumerable<Layer> layers, int batch)
    {
        foreach (IGrouping<Layer, Layer> same in layers.GroupBy(l => l))
            foreach (Precision precision in Precision.All.Where(p => p.Half == device.Options.HalfPrecision && Applies(same.Key, p)))
            {
                Layer layer = same.Key;
                using DeviceBench bench = DeviceBench.Of(device, layer.Network(precision.WeightBits), precision.Levels, batch);
                Action<Execution> last = bench.Literal.Operations[^1].Run;
                double ms = clock.Measure(bench.Execution.Stream, () => last(bench.Execution), times: 20).DeviceMs;
                double seconds = ms / 1e3;
                double? rate = layer.Operations * batch / seconds, limit = precision.Half ? limits.Half : precision.WeightBits == 32 ? null : limits.Int8;
                double? share = layer is NormLayer ? layer.Bytes(precision.WeightBits == 32 ? 32 : 8) * batch / seconds / limits.Bandwidth : rate / limit;
                yield return new(network, layer.ToString()!, precision.Name, batch, ms, rate / 1e12, share, same.Count());
            }
    }

    /// <summary>A step as the sum of its layers. Where a layer is not computed in integers it is in FP16; a group norm quantizes.</summary>
    public static IEnumerable<SumRow> Sums(IReadOnlyCollection<KernelRow> rows)
    {
        foreach (var network in rows.GroupBy(r => (r.Network, r.Batch)))
            foreach (string precision in (string[])["FP16", "W8A8", "W4A8"])
            {
                // A group norm before FP16 layers writes FP32, which the FP16 layer converts.
                string[] order = precision == "FP16" ? ["FP16", "FP32"] : [precision, "W8A8", "FP16"];
                yield return new(network.Key.Network, precision, network.Key.Batch,
                    network.GroupBy(r => r.Layer).Sum(layer => order.Select(p => layer.FirstOrDefault(r => r.Precision == p)).FirstOrDefault(r => r is not null) is { } row ? row.Count * row.Ms : double.NaN));
            }
    }

    private static bool Applies(Layer layer, Precision precision) => layer switch
    {
        NormLayer => precision.Name is "W8A8" or "FP32",
        AttentionLayer => precision.WeightBits == 32,
        _ => true,
    };
}
