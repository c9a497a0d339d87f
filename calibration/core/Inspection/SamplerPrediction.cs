using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>What a compiled sampler takes: known from its shapes alone.</summary>
/// <param name="WeightBytes">Of the packed weights of all networks, which are mapped.</param>
/// <param name="MapBytes">Of the maps of one evaluated image; guidance evaluates each image twice. A page that nothing writes takes no memory.</param>
/// <param name="BitOperations">Σ MACs·n_w·n_a of one evaluation of the network that is sampled, with 8-bit activations.</param>
/// <param name="BitOperationsSaved">How many times fewer that is than in FP32.</param>
public sealed record SamplerPrediction(long WeightBytes, long MapBytes, double BitOperations, double BitOperationsSaved)
{
    // The table of timesteps is small beside all else.
    private const int Steps = 50;

    /// <summary>Products of one picture.</summary>
    internal SamplerWork Work { get; init; } = null!;

    /// <summary>How long a picture takes on a processor, estimated: an artefact's steps and guidance, of a model folder 50 steps, guided where prompts condition them.</summary>
    /// <param name="rates">Of the processor.</param>
    public TimeEstimate Time(ProcessorRates rates)
    {
        ArgumentNullException.ThrowIfNull(rates);
        return Work.At(rates);
    }

    /// <summary>Of an artefact.</summary>
    internal static SamplerPrediction Of(CalibrationManifest manifest) => Of(LinkedNetwork.Of(manifest), manifest.Network, manifest.Steps.Count, new(manifest.Program), manifest.Sampling.Guidance.Single != 1, DecoderTiles(manifest));

    /// <summary>In how many tiles an artefact's decoder makes a picture: 1 where it reads the whole state, or there is none.</summary>
    internal static int DecoderTiles(CalibrationManifest manifest)
    {
        if (manifest.DecoderOverlap == 0 || manifest.Decoder is not { Network: var decoder }) return 1;
        Map tile = decoder.Maps.First(m => m.Name == decoder.Latent);
        ModelIdentity state = manifest.Model;
        return new TileJoin(new(state.Height, state.Width, state.Channels), new(tile.Height, tile.Width, tile.Channels), new(state.Height, state.Width, 1), manifest.DecoderOverlap, false).Places.Count();
    }

    /// <summary>Of a model folder, were it calibrated with 4-bit weights and 8-bit activations, the parts beside the network with 8-bit weights; tables that FP16 has all numbers of are stored in it.</summary>
    internal static SamplerPrediction Of(ImportedModel model)
    {
        Network network = QuantizedNetwork.Of(model.Network, 4, []).Network;
        TimelessNetwork[] encoders = [.. (model.Text?.Network ?? model.Labels?.Network) is { } encoder ? [Part(PipelineParts.EncoderName, encoder)] : (TimelessNetwork[])[]];
        return Of(LinkedNetwork.Of(network, encoders, model.Decoder is { } decoder ? Part(PipelineParts.DecoderName, decoder) : null), network, Steps, null, model.Text is not null && model.EmbeddedGuidance is null, 1);

        static TimelessNetwork Part(string name, ImportedNetwork part)
        {
            Network quantized = QuantizedNetwork.Of(part.Network, 8, []).Store(new(part.Tensors)).Network;
            return new(name, name == PipelineParts.DecoderName ? quantized : quantized.Rename(o => o, map => map == quantized.Epsilon ? UNetImporter.Context : map), default, default, default);
        }
    }

    private static SamplerPrediction Of(LinkedNetwork linked, Network sampled, int steps, SolverPlan? solver, bool guided, int tiles) => new(
        new WeightLayout(linked.Network, steps).TotalBytes, new BufferPlan(linked, solver).BytesPerImage,
        (double)NetworkCost.BitOperations(sampled, 8), NetworkCost.BitOperationsSaved(sampled, [8]))
    { Work = SamplerWork.Of(linked, steps, guided, tiles) };
}
