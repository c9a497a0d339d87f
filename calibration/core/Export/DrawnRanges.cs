using Specializer.Manifest;

namespace Specializer.Calibration.Export;

/// <summary>Ranges of a network's activations over pictures that are drawn in FP32: what its int8 form is quantized by.</summary>
internal static class DrawnRanges
{
    private const int Steps = 20, Images = 4;
    private const ulong Seed = 0;

    /// <summary>Of the network that denoises.</summary>
    /// <param name="model">The model, with what makes its conditions.</param>
    /// <param name="options">What is drawn.</param>
    /// <param name="cancellation">Acts within an evaluation.</param>
    public static ActivationRanges Of(ImportedModel model, OnnxInt8Options options, CancellationToken cancellation)
    {
        ImportedModel drawn = LearnedVariance.Split(model, keep: LearnedVariance.IsPredicted(model));
        using Float32Sampler sampler = Sampler(WithoutDecoder(drawn), options);
        RangeCollector collector = new(sampler.Interpreter);
        sampler.Observer = collector.Observe;
        Draw(drawn, sampler, options, cancellation);
        return WithVariance(collector.Ranges, drawn.Network);
    }

    /// <summary>Of another part of a pipeline: a decoder reads what was drawn, an encoder its pictures, a text encoder the prompts and no text.</summary>
    /// <param name="folder">The pipeline's.</param>
    /// <param name="part">Which.</param>
    /// <param name="configuration">The part's.</param>
    /// <param name="import">Gives the part for rows and columns of what goes in.</param>
    /// <param name="options">What is drawn.</param>
    /// <param name="cancellation">Acts within an evaluation.</param>
    public static ActivationRanges Of(string folder, PipelinePart part, ConfigurationReader configuration, Func<int, int, ImportedNetwork> import, OnnxInt8Options options, CancellationToken cancellation)
    {
        var (network, inputs) = part == PipelinePart.TextEncoder ? Texts(folder, import, options) : Pictures(folder, part, configuration, import, options, cancellation);
        int capacity = Float32Sampler.Capacity(network.Network, Images);
        options.MemoryPredicted?.Invoke(WorkingMemory.Program + WorkingMemory.Of(network.StoredNetwork, capacity));
        using NetworkEvaluator evaluator = network.Evaluator(options.Device, capacity);
        var collector = new RangeCollector(evaluator.Interpreter);
        evaluator.Evaluate(InterpretedStep.Float32, inputs, collector.Observe, cancellation);
        return collector.Ranges;
    }

    private static (ImportedNetwork Network, float[] Inputs) Texts(string folder, Func<int, int, ImportedNetwork> import, OnnxInt8Options options)
    {
        if (options.Prompts.Count == 0) throw new ArgumentException("The ranges of a text encoder are those of prompts; give some, of the kind that will be asked for.", nameof(options));
        PromptEncoder text = PromptEncoderImporter.Read(ModelLayout.Find(folder), clipSkip: 0)!;
        return (import(1, text.Tokens), [.. options.Prompts.Append("").SelectMany(text.Ids).Select(id => (float)id)]);
    }

    private static (ImportedNetwork Network, float[] Inputs) Pictures(string folder, PipelinePart part, ConfigurationReader configuration, Func<int, int, ImportedNetwork> import, OnnxInt8Options options, CancellationToken cancellation)
    {
        ImportedModel model = PipelineImporter.Load(folder);
        bool decodes = part == PipelinePart.Decoder;
        using Float32Sampler sampler = Sampler(decodes ? WithoutDecoder(model) : model, options);
        ImageBatch drawn = Draw(model, sampler, options, cancellation);
        float factor = decodes ? (float)PartImporter.Latents(configuration).Factor : 1;
        return (import(drawn.Height, drawn.Width), [.. drawn.Pixels.ToArray().Select(v => v / factor)]);
    }

    private static ImportedModel WithoutDecoder(ImportedModel model) => model with { Pipeline = null, Decoder = null };

    private static Float32Sampler Sampler(ImportedModel model, OnnxInt8Options options)
    {
        if (model.ReadsMask) throw new NotSupportedException($"{model.Name} reads a mask and a picture, and the ranges of int8 are found without. Export it in FP32.");
        options.MemoryPredicted?.Invoke(WorkingMemory.OfDrawing(model, Count(options)));
        return new(model, model.Scheduler.Run("ddim", Steps, eta: 0).Program, options.Device);
    }

    private static int Count(OnnxInt8Options options) => Math.Max(Images, options.Prompts.Count);

    private static ImageBatch Draw(ImportedModel model, Float32Sampler sampler, OnnxInt8Options options, CancellationToken cancellation)
    {
        int images = Count(options);
        return sampler.Draw(new()
        {
            Count = images,
            Seed = Seed,
            Prompts = [.. Enumerable.Range(0, options.Prompts.Count == 0 ? 0 : images).Select(i => options.Prompts[i % options.Prompts.Count])],
            Labels = TrajectoryLabels.Of(model, Seed, 0, images),
            Guidance = options.Guidance,
        }, null, cancellation);
    }

    /// <summary>The convolution that gives prediction and variance is two where pictures are drawn.</summary>
    private static ActivationRanges WithVariance(ActivationRanges ranges, Network drawn)
    {
        if (drawn.Outputs.Count == 0) return ranges;
        var results = new Dictionary<string, ValueRange>(ranges.Results, StringComparer.Ordinal);
        results[Last(drawn.Epsilon)] = results[Last(drawn.Epsilon)].Union(results[Last(LearnedVariance.Map)]);
        return ranges with { Results = results };

        string Last(string map) => drawn.Operations.OfType<ConvolutionOperation>().Single(o => o.Output == map).Name;
    }
}
