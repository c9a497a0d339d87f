using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Quantizes text encoder and decoder, judged by the pictures of held-out trajectories in FP32: what each of the two alone changes.</summary>
/// <param name="context">Of the calibration.</param>
/// <param name="checkpoint">Keeps states, pictures and every figure.</param>
/// <param name="findings">Receives what was chosen, and why.</param>
internal sealed class PartsPhase(CalibrationContext context, Checkpoint checkpoint, ICollection<Finding> findings)
{
    // Every pixel of a decoder's map is a draw, so that few pictures tell its ranges. Prompts are small.
    private const int Latents = 2 * ReferenceTrajectories.UnitImages, RankingPictures = 2, Prompts = 256;
    private const string Drawing = "pictures that judge", DecoderName = "decoder", ImageEncoderName = "encoder of pictures", TextEncoderName = "text encoder";

    private ImportedModel Model => context.Model;

    /// <summary>Pictures that judge: as many as trajectories were calibrated on, within a unit.</summary>
    private int Pictures => Math.Clamp(context.Options.Trajectories, RankingPictures, ReferenceTrajectories.UnitImages);

    /// <summary>Pictures that a decoder sees.</summary>
    private int Seen => Math.Min(Latents, context.Options.Trajectories);

    /// <summary>Most work that this phase will do, in evaluations of a unit's trajectories.</summary>
    public double Work => Model.Decoder is null && Model.Text is null ? 0
        : Seen * OwnTrajectory + Pictures * Trajectory + Decoding(Pictures)
            + (Model.Decoder is { } decoder ? Most(DecoderWork(decoder)) : 0)
            + (Model.Text is { } text ? SeenPrompts.Length * context.WorkOf(text.Network) + Most(TextWork(text)) : 0)
            + (Encoder is { } encoder ? Decoding(EncoderInputs) + Decoding(Pictures) + Pictures * context.WorkOf(encoder) + Most(EncoderWork(encoder)) : 0);

    /// <summary>Chooses, and writes down why.</summary>
    public PipelineParts Choose()
    {
        if (Work == 0) return PipelineParts.Float32(Model);
        float[] latents = Finals("final-states", 0, Seen, OwnTrajectory), heldOut = Finals("held-out-states", context.Options.Trajectories, Pictures, Trajectory), pictures = Decoded("pictures", heldOut);
        QuantizedPart? decoder = Model.Decoder is { } network ? Decoder(network, latents, heldOut, pictures) : null;
        PipelineParts parts = Model.Text is { } text ? new(TextEncoder(text, pictures), text, decoder) : new(null, null, decoder);
        return (Encoder is { } encoder ? parts with { ImageEncoder = ImageEncoder(encoder, latents, pictures) } : parts).With(Model) with { Tile = context.Options.DecoderTile };
    }

    /// <summary>Bytes of this phase's checkpoints at most.</summary>
    public static long Disk(ImportedModel model, CalibrationOptions options, bool secondOrder)
    {
        if (model.Decoder is null && model.Text is null) return 0;
        long state = (long)model.Height * model.Width * model.Channels, picture = model.Decoder?.OutputElements ?? 0;
        ImportedNetwork? encoder = options.ImageToImage ? model.Encoder : null;
        long numbers = (Latents + ReferenceTrajectories.UnitImages) * state + ReferenceTrajectories.UnitImages * (picture + (encoder is null ? 0 : 2 * picture + state));
        return sizeof(float) * numbers + new[] { model.Decoder, model.Text?.Network, encoder }.OfType<ImportedNetwork>().Sum(part => PartQuantizer.Disk(part, secondOrder));
    }

    private ImportedNetwork? Encoder => context.Options.ImageToImage ? Model.Encoder : null;

    private int EncoderInputs => Math.Min(Pictures, Seen);

    private string[] SeenPrompts => ["", .. context.Options.Prompts.Distinct(StringComparer.Ordinal).Take(Prompts)];

    private int StateElements => Model.Height * Model.Width * Model.Channels;

    private PartChoice Choice => new(context, checkpoint, findings);

    // Of one, in evaluations of a unit's.
    private double Trajectory => (double)WorkShares.GuidedHalves(context.Options) / ReferenceTrajectories.UnitImages;

    // Where FP32's predictions are kept, nothing is evaluated.
    private double OwnTrajectory => context.Predictions is null ? Trajectory : 0;

    private double Decoding(int pictures) => Model.Decoder is { } decoder ? pictures * context.WorkOf(decoder) : 0;

    private static double Most(PartWork work) => work.Seeing + work.Choosing;

    private PartWork WorkOf(ImportedNetwork network, int inputs, int ranking, double judging) =>
        new(network.Network.Operations.OfType<ConvolutionOperation>().Count(), PartQuantizer.Work(context, network, inputs), ranking * context.WorkOf(network), judging);

    private PartWork DecoderWork(ImportedNetwork network) => WorkOf(network, Seen, RankingPictures, Decoding(Pictures));

    private PartWork EncoderWork(ImportedNetwork network) => WorkOf(network, EncoderInputs, RankingPictures, Pictures * context.WorkOf(network) + Decoding(Pictures));

    private PartWork TextWork(PromptEncoder text) => WorkOf(text.Network, SeenPrompts.Length, SeenPrompts.Length,
        (context.Options.Prompts.Distinct(StringComparer.Ordinal).Count() + 1) * context.WorkOf(text.Network) + Pictures * Trajectory + Decoding(Pictures));

    private QuantizedPart Decoder(ImportedNetwork network, float[] latents, float[] heldOut, float[] pictures)
    {
        float[] few = heldOut[..(RankingPictures * StateElements)], fewPictures = pictures[..(RankingPictures * (pictures.Length / Pictures))];
        return Choice.Make(new(DecoderName, network, latents, context, checkpoint), DecoderWork(network),
            part => SquaredError(Evaluate(Ranking(DecoderName), network, part, few), fewPictures),
            part => PsnrDb(Evaluate(DecoderName, network, part, heldOut), pictures));
    }

    /// <summary>Sees pictures of the decoder's own, and is judged by what it decodes of held-out ones.</summary>
    private QuantizedPart ImageEncoder(ImportedNetwork network, float[] latents, float[] pictures)
    {
        float[] seen = Shown(Decoded("seen-pictures", latents[..(EncoderInputs * StateElements)])), heldOut = Shown(pictures);
        float[] states = Kept("encoded-pictures", Pictures * network.OutputElements, Pictures * context.WorkOf(network), () => Exact(ImageEncoderName, network, heldOut));
        float[] few = heldOut[..(RankingPictures * (pictures.Length / Pictures))], fewStates = states[..(RankingPictures * StateElements)], exact = Decoded("decoded-states", states);
        return Choice.Make(new(ImageEncoderName, network, seen, context, checkpoint), EncoderWork(network),
            part => SquaredError(Evaluate(Ranking(ImageEncoderName), network, part, few), fewStates),
            part => PsnrDb(Decode(ImageEncoderName, Evaluate(ImageEncoderName, network, part, heldOut)), exact));
    }

    private QuantizedPart TextEncoder(PromptEncoder text, float[] pictures)
    {
        float[] inputs = text.Inputs(SeenPrompts), exact = Exact(TextEncoderName, text.Network, inputs);
        return Choice.Make(new(TextEncoderName, text.Network, inputs, context, checkpoint), TextWork(text),
            part => SquaredError(Evaluate(Ranking(TextEncoderName), text.Network, part, inputs), exact),
            part => PsnrDb(Decode(TextEncoderName, Draw(TextEncoderName, Model with
            {
                Contexts = text.Encode(context.Options.Prompts, null, ids => Evaluate(TextEncoderName, text.Network, part, ids)).With(Model.Contexts!.Pictures).With(Model.Network.Embedding.Classes, Model.NullLabel),
            }, context.Options.Trajectories, Pictures)), pictures));
    }

    private static string Ranking(string part) => $"{part}, ranking";

    /// <summary>Final states of FP32 trajectories, unit by unit.</summary>
    private float[] Finals(string file, long first, int images, double work)
    {
        var finals = new List<float>();
        for (int image = 0; image < images; image += ReferenceTrajectories.UnitImages)
        {
            int count = Math.Min(ReferenceTrajectories.UnitImages, images - image);
            long from = first + image;
            finals.AddRange(Kept($"{file}-{image / ReferenceTrajectories.UnitImages}", count * StateElements, count * work, () => Draw(Drawing, Model, from, count)));
        }

        return [.. finals];
    }

    private float[] Draw(string phase, ImportedModel model, long first, int images)
    {
        using ReferenceTrajectories reference = (context with { Model = model }).Reference();
        return reference.Finals(first, images, context.Cancellation, () => context.Report(phase, images * Trajectory / context.Options.Evaluations));
    }

    /// <summary>Pictures of FP32's decoder, kept.</summary>
    private float[] Decoded(string file, float[] latents)
    {
        if (Model.Decoder is not { } decoder) return latents;
        int pictures = latents.Length / StateElements;
        return Kept(file, pictures * decoder.OutputElements, Decoding(pictures), () => Decode(Drawing, latents));
    }

    private float[] Decode(string phase, float[] latents)
    {
        if (Model.Decoder is null) return latents;
        using var decoder = new PictureDecoder(Model.Decoder, context.Device);
        float[] pictures = decoder.Decode(latents, context.Cancellation);
        context.Report(phase, Decoding(latents.Length / StateElements));
        return pictures;
    }

    private float[] Kept(string file, int count, double work, Func<float[]> compute) => checkpoint.Keep(file, count, compute, () => context.Resume(Drawing, work));

    private float[] Exact(string phase, ImportedNetwork network, float[] inputs)
    {
        using NetworkEvaluator evaluator = network.Evaluator(context.Device, Float32Sampler.Capacity(network.Network, ReferenceTrajectories.UnitImages));
        return Report(phase, network, inputs, network.Evaluate(evaluator, inputs, context.Cancellation));
    }

    private float[] Evaluate(string phase, ImportedNetwork network, QuantizedPart part, float[] inputs) =>
        Report(phase, network, inputs, part.Evaluate(inputs, context.Device, context.Cancellation));

    private float[] Report(string phase, ImportedNetwork network, float[] inputs, float[] outputs)
    {
        context.Report(phase, inputs.Length / network.InputElements * context.WorkOf(network));
        return outputs;
    }

    private double PsnrDb(float[] pictures, float[] exact) =>
        new PairedImages(Shown(exact), Shown(pictures), exact.Length / Pictures).PooledPsnrDb(context.Options.Seed).Value;

    /// <summary>What lies beyond black and white is not seen.</summary>
    private static float[] Shown(float[] pictures) => Array.ConvertAll(pictures, p => Math.Clamp(p, -1, 1));

    private static double SquaredError(float[] values, float[] exact) => values.Zip(exact, (a, b) => ((double)a - b) * ((double)a - b)).Sum();
}
