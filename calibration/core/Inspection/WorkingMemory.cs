using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>What work in floating point holds in memory at most, in bytes: known from shapes alone, before it starts.</summary>
internal static class WorkingMemory
{
    /// <summary>What the program itself takes, with its collector's slack and the tensor at hand.</summary>
    public const long Program = 512L << 20;

    /// <summary>A network's packed weights, and its maps.</summary>
    /// <param name="network">The network.</param>
    /// <param name="images">Evaluated at once.</param>
    /// <param name="rows">Of the embedding's table, which is small beside all else.</param>
    public static long Of(Network network, int images, int rows = 0) => new WeightLayout(network, rows).TotalBytes + new BufferPlan(network).BytesPerImage * images;

    /// <summary>The packed weights of all networks, and a session's maps.</summary>
    /// <param name="linked">The networks.</param>
    /// <param name="images">That the session has room for.</param>
    public static long Of(LinkedNetwork linked, int images) => new WeightLayout(linked.Network, 0).TotalBytes + new BufferPlan(linked).BytesPerImage * images;

    /// <summary>Images that a session of a sampler in FP32 has room for, unless another number is asked for.</summary>
    public static int SessionImages(LinkedNetwork linked) => SamplerSession.DefaultCapacity(new BufferPlan(linked).BytesPerImage);

    /// <summary>Drawing in FP32 (<see cref="Float32Sampler"/>): network and decoder are there when the text encoder runs.</summary>
    /// <param name="model">The model.</param>
    /// <param name="images">Of a call, all of which are held; once more while they are gathered, twice as they come in.</param>
    public static long OfDrawing(ImportedModel model, int images) =>
        Program + Of(model.StoredNetwork, Float32Sampler.CapacityOf(model.Network))
        + (model.Decoder is { } decoder ? Of(decoder.StoredNetwork, PictureDecoder.CapacityOf(decoder)) : 0)
        + (model.Text is { } text ? Of(text.Network.StoredNetwork, PromptEncoder.Batch) : 0)
        + 3L * sizeof(float) * images * model.Picture.Pixels * model.Picture.Channels;

    /// <summary>Drawing in FP32 by all networks at once (<see cref="InterpretedSampler"/>).</summary>
    public static long OfInterpreting(ImportedModel model)
    {
        LinkedNetwork linked = PipelineParts.Float32(model).Link(model.StoredNetwork);
        return Program + Of(linked, SessionImages(linked));
    }
}
