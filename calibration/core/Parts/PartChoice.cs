using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Chooses how much of a part of a pipeline becomes integers: as much as pictures do not show.</summary>
/// <param name="context">Of the calibration.</param>
/// <param name="checkpoint">Written after each figure.</param>
/// <param name="findings">Receives the choice and its reason.</param>
internal sealed class PartChoice(CalibrationContext context, Checkpoint checkpoint, ICollection<Finding> findings)
{
    /// <summary>Least PSNR of pictures against FP32's that counts as no change: 8-bit pictures themselves are rounded to 59 dB.</summary>
    public const double LeastPsnrDb = 45;

    /// <summary>The part with as few convolutions left in floating point as the pictures ask for.</summary>
    /// <param name="quantizer">Of the part.</param>
    /// <param name="work">What the figures take.</param>
    /// <param name="harm">Error, of any kind, that a part makes: ranks the convolutions.</param>
    /// <param name="psnrDb">Of the pictures, against FP32's.</param>
    public QuantizedPart Make(PartQuantizer quantizer, PartWork work, Func<QuantizedPart, double> harm, Func<QuantizedPart, double> psnrDb)
    {
        IReadOnlyList<string> all = quantizer.Convolutions;
        var figures = new MeasuredFigures(PartQuantizer.File(quantizer.Name, "figures"), work.Figures, checkpoint);
        double left = work.Choosing;
        QuantizedPart part = quantizer.Quantize([]);
        double first = Figure(work.Psnr, () => psnrDb(part)), reached = first;
        if (reached < LeastPsnrDb)
        {
            string[] ranked = [.. all.Select(layer => (Layer: layer, Harm: Figure(work.Harm, () => harm(quantizer.Quantize([.. all.Where(other => other != layer)])))))
                .OrderByDescending(l => l.Harm).ThenBy(l => l.Layer, StringComparer.Ordinal).Select(l => l.Layer)];
            for (int kept = 1; reached < LeastPsnrDb; kept = Math.Min(2 * kept, ranked.Length))
            {
                part = quantizer.Quantize(ranked[..kept]);
                bool last = kept == ranked.Length;
                if (!last || part.Rounded > 0) reached = Figure(work.Psnr, () => psnrDb(part));
                if (!last || (part.Rounded > 0 && reached >= LeastPsnrDb)) continue;
                // Without a single integer, and with nothing rounded, there is nothing left to measure.
                (part, reached) = (quantizer.Quantize(ranked, round: false), double.PositiveInfinity);
            }
        }

        context.Meter.Drop(left);
        Network network = part.Quantized.Network;
        findings.Add(new PartQuantized(quantizer.Name, part.Integers.Count(), all.Count, first, reached, LeastPsnrDb,
            NetworkCost.MultiplyAccumulates(network), NetworkCost.BitOperationsSaved(network, [8]), part.Tensors.TotalBytes)
        { Halves = part.Halves, Rounded = part.Rounded });
        return part;

        double Figure(double its, Func<double> measure)
        {
            left -= its;
            return figures.Next(measure, () => context.Resume(quantizer.Name, its));
        }
    }
}
