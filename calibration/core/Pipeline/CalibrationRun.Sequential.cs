using System.Security.Cryptography;
using System.Text;
using Specializer.Manifest;

namespace Specializer.Calibration;

// Layers rounded in sequence.
internal sealed partial class CalibrationRun
{
    // Whether images have said that rounding in sequence does not help.
    private bool _apart;

    /// <summary>Whether held-out images are asked here: rounding in sequence, the first convolution in floating point and ranges that clip less must lower their error. Otherwise what is asked for is done.</summary>
    public bool Confirm { get; init; } = true;

    /// <summary>Work of rounding in sequence.</summary>
    public double SequentialWork => _variants.All(v => v.Rounding != RoundingChoice.Sequential) ? 0
        : SequentialPhase.Work(Context, QuantizedTensors.Integers(Quantized.Network).Count()) + (Confirm ? UncorrectedImages.Work(Context.Options, HeldOutImages.Count(Context.Options)) : 0);

    /// <summary>What a layer becomes depends on those before it, and so on all that have other bits.</summary>
    private string SequentialPhaseName => _eightBits.Count == 0 ? $"sequential.{RoundedPhase}"
        : $"sequential-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', _eightBits.Order(StringComparer.Ordinal)))))[..16]}.{RoundedPhase}";

    /// <summary>Where a variant asks for it. For the widest activations that the artefact may use: errors of narrower ones would otherwise be made up for where there are none.</summary>
    private void RoundInSequence()
    {
        if (_apart || _variants.All(v => v.Rounding != RoundingChoice.Sequential)) return;
        QuantizationVariant variant = _variants.Where(v => v.Rounding == RoundingChoice.Sequential).MaxBy(v => (Widths.Contains(v.ActivationBits), v.ActivationBits));
        Network network = _networks[variant.WeightBits].Network;
        QuantizedTensors apart = TensorsOf(variant), sequential = new(Context.Model, Context.TableTimesteps, network, _rounded!, secondOrder: true);
        CalibrationRun[] runs = [this, .. _sharing];
        var phase = new SequentialPhase([.. runs.Select(run => run.Context)], _networks[variant.WeightBits], [.. runs.SelectMany(run => run.Ranges(variant))], tensors => Evaluator(network, tensors));
        phase.Round(sequential, _checkpoint.Rounded(SequentialPhaseName, RoundedLayers.Sizes(Context.Model.Network)));
        if (Confirm)
        {
            Interval change = phase.Change(sequential, apart);
            _apart = !(change.High < 0);
            _decided.Add(new RoundingDecided(change, HeldOutImages.Count(Context.Options), !_apart));
        }

        if (!_apart) _tensors[(variant.WeightBits, variant.Rounding)] = sequential;
    }
}
