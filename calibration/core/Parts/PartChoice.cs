using System.Globalization;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Chooses how much of a part of a pipeline becomes integers: as much as pictures do not show.</summary>
internal static class PartChoice
{
    /// <summary>Least PSNR of pictures against FP32's that counts as no change: 8-bit pictures themselves are rounded to 59 dB.</summary>
    public const double LeastPsnrDb = 45;

    /// <summary>The part with as few convolutions left in FP32 as the pictures ask for.</summary>
    /// <param name="name">For the note.</param>
    /// <param name="quantizer">Of the part.</param>
    /// <param name="harm">Error, of any kind, that a part makes: ranks the convolutions.</param>
    /// <param name="psnrDb">Of the pictures, against FP32's.</param>
    /// <param name="notes">Receives the choice and its reason.</param>
    public static QuantizedPart Make(string name, PartQuantizer quantizer, Func<QuantizedPart, double> harm, Func<QuantizedPart, double> psnrDb, List<string> notes)
    {
        IReadOnlyList<string> all = quantizer.Convolutions;
        QuantizedPart part = quantizer.Quantize([]);
        double first = psnrDb(part), reached = first;
        if (reached < LeastPsnrDb)
        {
            string[] ranked = [.. all.Select(layer => (Layer: layer, Harm: harm(quantizer.Quantize([.. all.Where(other => other != layer)]))))
                .OrderByDescending(l => l.Harm).ThenBy(l => l.Layer, StringComparer.Ordinal).Select(l => l.Layer)];
            for (int kept = 1; reached < LeastPsnrDb; kept = Math.Min(2 * kept, ranked.Length))
            {
                part = quantizer.Quantize(ranked[..kept]);
                // Without a single integer there is nothing left to measure.
                reached = kept == ranked.Length ? double.PositiveInfinity : psnrDb(part);
            }
        }

        notes.Add(Note(name, part, all.Count, first, reached));
        return part;
    }

    private static string Note(string name, QuantizedPart part, int convolutions, double first, double reached)
    {
        Network network = part.Quantized.Network;
        int integers = part.Integers.Count();
        string figures = string.Create(CultureInfo.InvariantCulture,
            $"{NetworkCost.MultiplyAccumulates(network):N0} MACs, {NetworkCost.BitOperationsSaved(network, [8]):0.0} times fewer bit operations, {part.Tensors.TotalBytes:N0} bytes of weights");
        return integers == convolutions ? Text($"{name}: 8-bit weights and activations in all {convolutions} convolutions; the pictures are within {reached:0.0} dB of FP32's (at least {LeastPsnrDb} are asked for); {figures}")
            : integers == 0 ? Text($"{name}: FP32, for 8 bits would change the pictures ({first:0.0} dB, at least {LeastPsnrDb} are asked for); {figures}")
            : Text($"{name}: 8-bit weights and activations in {integers} of {convolutions} convolutions, {reached:0.0} dB; with all of them {first:0.0} dB, and at least {LeastPsnrDb} are asked for; {figures}");
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
