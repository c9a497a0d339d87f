namespace Specializer.Calibration;

/// <summary>Quantizes text encoder and decoder, judged by the pictures of held-out trajectories in FP32: what each of the two alone changes.</summary>
internal sealed class PartsPhase(CalibrationContext context, ICollection<Finding> findings)
{
    // Every pixel of a decoder's map is a draw, so that few pictures tell its ranges. Prompts are small.
    private const int Latents = 2 * ReferenceTrajectories.UnitImages, RankingPictures = 2, Prompts = 256;

    private ImportedModel Model => context.Model;

    /// <summary>Pictures that judge: as many as trajectories were calibrated on, within a unit.</summary>
    private int Pictures => Math.Clamp(context.Options.Trajectories, RankingPictures, ReferenceTrajectories.UnitImages);

    /// <summary>Work that this phase will do, in evaluations of a unit's trajectories.</summary>
    public double Work => Model.Decoder is null && Model.Text is null ? 0 : Finals + 1 + (Model.Text is null ? 0 : 1);

    /// <summary>Chooses, and writes down why.</summary>
    public PipelineParts Choose()
    {
        if (Work == 0) return PipelineParts.Float32(Model);
        float[] latents = Draw(Model, 0, Math.Min(Latents, context.Options.Trajectories)), heldOut = Draw(Model, context.Options.Trajectories, Pictures);
        float[] pictures = Decode(heldOut);
        QuantizedPart? decoder = Model.Decoder is { } network ? Decoder(network, latents, heldOut, pictures) : null;
        PipelineParts parts = Model.Text is { } text ? new(TextEncoder(text, pictures), text, decoder) : new(null, null, decoder);
        return (context.Options.ImageToImage && Model.Encoder is { } encoder ? parts with { ImageEncoder = ImageEncoder(encoder, latents, pictures) } : parts).With(Model) with { Tile = context.Options.DecoderTile };
    }

    private static double Finals => (double)Latents / ReferenceTrajectories.UnitImages;

    private QuantizedPart Decoder(ImportedNetwork network, float[] latents, float[] heldOut, float[] pictures)
    {
        int elements = latents.Length / Math.Min(Latents, context.Options.Trajectories), pixels = pictures.Length / Pictures;
        float[] few = heldOut[..(RankingPictures * elements)], fewPictures = pictures[..(RankingPictures * pixels)];
        return PartChoice.Make("decoder", new(network, latents, context),
            part => SquaredError(part.Evaluate(few, context.Device, context.Cancellation), fewPictures),
            part => PsnrDb(part.Evaluate(heldOut, context.Device, context.Cancellation), pictures), findings);
    }

    /// <summary>Sees pictures of the decoder's own, and is judged by what it decodes of held-out ones.</summary>
    private QuantizedPart ImageEncoder(ImportedNetwork network, float[] latents, float[] pictures)
    {
        int elements = latents.Length / Math.Min(Latents, context.Options.Trajectories), pixels = pictures.Length / Pictures;
        float[] seen = Shown(Decode(latents[..(elements * Math.Min(Pictures, latents.Length / elements))])), heldOut = Shown(pictures), states;
        using (NetworkEvaluator evaluator = network.Evaluator(context.Device, Float32Sampler.Capacity(network.Network, ReferenceTrajectories.UnitImages))) states = network.Evaluate(evaluator, heldOut, context.Cancellation);
        float[] few = heldOut[..(RankingPictures * pixels)], fewStates = states[..(RankingPictures * elements)], exact = Decode(states);
        return PartChoice.Make("encoder of pictures", new(network, seen, context),
            part => SquaredError(part.Evaluate(few, context.Device, context.Cancellation), fewStates),
            part => PsnrDb(Decode(part.Evaluate(heldOut, context.Device, context.Cancellation)), exact), findings);
    }

    private QuantizedPart TextEncoder(PromptEncoder text, float[] pictures)
    {
        string[] prompts = ["", .. context.Options.Prompts.Distinct(StringComparer.Ordinal).Take(Prompts)];
        float[] inputs = text.Inputs(prompts), exact;
        using (NetworkEvaluator evaluator = text.Network.Evaluator(context.Device, Float32Sampler.Capacity(text.Network.Network, ReferenceTrajectories.UnitImages))) exact = text.Network.Evaluate(evaluator, inputs, context.Cancellation);
        return PartChoice.Make("text encoder", new(text.Network, inputs, context),
            part => SquaredError(part.Evaluate(inputs, context.Device, context.Cancellation), exact),
            part => PsnrDb(Decode(Draw(Model with
            {
                Contexts = text.Encode(context.Options.Prompts, null, ids => part.Evaluate(ids, context.Device, context.Cancellation)).With(Model.Contexts!.Pictures),
            }, context.Options.Trajectories, Pictures)), pictures), findings);
    }

    /// <summary>Final states of FP32 trajectories.</summary>
    private float[] Draw(ImportedModel model, long first, int images)
    {
        var finals = new List<float>();
        using ReferenceTrajectories reference = (context with { Model = model }).Reference();
        for (int image = 0; image < images; image += ReferenceTrajectories.UnitImages)
        {
            int count = Math.Min(ReferenceTrajectories.UnitImages, images - image);
            finals.AddRange(reference.Finals(first + image, count, context.Cancellation));
            context.Report("text encoder and decoder", (double)count / ReferenceTrajectories.UnitImages);
        }

        return [.. finals];
    }

    private float[] Decode(float[] latents)
    {
        if (Model.Decoder is null) return latents;
        using var decoder = new PictureDecoder(Model.Decoder, context.Device);
        return decoder.Decode(latents, context.Cancellation);
    }

    private double PsnrDb(float[] pictures, float[] exact) =>
        new PairedImages(Shown(exact), Shown(pictures), exact.Length / Pictures).PooledPsnrDb(context.Options.Seed).Value;

    /// <summary>What lies beyond black and white is not seen.</summary>
    private static float[] Shown(float[] pictures) => Array.ConvertAll(pictures, p => Math.Clamp(p, -1, 1));

    private static double SquaredError(float[] values, float[] exact) => values.Zip(exact, (a, b) => ((double)a - b) * ((double)a - b)).Sum();
}
