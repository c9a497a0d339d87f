using Specializer;
using Specializer.Calibration;

namespace SampleApp;

/// <summary>A model that this program shows: the sampler that the build compiled from its artefact, and the FP32 network it came from, which lies beside the program.</summary>
/// <param name="Folder">The FP32 model's.</param>
/// <param name="Manifest">Name of the artefact's manifest in it.</param>
/// <param name="Load">Opens the compiled sampler.</param>
/// <param name="Import">Reads the FP32 model, told which label means "none".</param>
/// <param name="Eta">η that it was calibrated with.</param>
/// <param name="Scheduler">Scheduler that it was calibrated for; null for the model's own.</param>
internal sealed record ShownModel(string Folder, string Manifest, Func<Device, Sampler> Load, Func<string, int, ImportedModel> Import, double? Eta, string? Scheduler)
{
    /// <summary>Handwritten digits, by label.</summary>
    public const string Digits = "digits";

    /// <summary>Emoji, by prompt.</summary>
    public const string Emoji = "emoji";

    /// <summary>Path of the artefact's manifest.</summary>
    public string ManifestPath => Path.Combine(ModelFolder, Manifest);

    private string ModelFolder => Path.Combine(AppContext.BaseDirectory, "models", Folder);

    /// <summary>A model by its name.</summary>
    /// <param name="name"><see cref="Digits"/> or <see cref="Emoji"/>.</param>
    /// <param name="scheduler">Of the emoji's two: <c>ddim</c> or <c>dpmsolver++</c>.</param>
    /// <exception cref="ArgumentException">It has no such scheduler.</exception>
    public static ShownModel Find(string name, string? scheduler)
    {
        if (name == Emoji) return FindEmoji(scheduler ?? "ddim");
        return scheduler is null ? new("mnist", "mnist.calibration.json", MnistSampler.Load, (folder, none) => DiffusersImporter.Load(folder, nullLabel: none), Eta: 1, null)
            : throw new ArgumentException("--scheduler chooses between the artefacts of --model emoji; the digits have one.");
    }

    /// <summary>The FP32 model along the same steps.</summary>
    /// <param name="compiled">The compiled sampler's.</param>
    /// <param name="device">Where it runs.</param>
    /// <exception cref="NotSupportedException">Its steps are others.</exception>
    public InterpretedSampler Float32(SamplerDescription compiled, Device device)
    {
        InterpretedSampler float32 = InterpretedSampler.Float32(Import(ModelFolder, compiled.NullLabel), compiled.Steps.Count, Eta, Scheduler, device, compiled.Guidance);
        // Calibrated for another scheduler, the two would draw different runs, and no figure would mean anything.
        if (!compiled.Steps.Zip(float32.Description.Steps).Any(s => s.First.Timestep != s.Second.Timestep || MathF.Abs(s.First.Sigma - s.Second.Sigma) > 1e-5f)) return float32;
        float32.Dispose();
        throw new NotSupportedException("The model is not calibrated for the steps that FP32 takes here. Give its ShownModel the η and the scheduler of the calibration.");
    }

    private static ShownModel FindEmoji(string scheduler) => scheduler switch
    {
        "ddim" => new(Emoji, "emoji-ddim.calibration.json", EmojiDdimSampler.Load, (folder, _) => PipelineImporter.Load(folder), Eta: 0, scheduler),
        _ => new(Emoji, "emoji-dpmsolverpp.calibration.json", EmojiDpmSolverSampler.Load, (folder, _) => PipelineImporter.Load(folder), null, scheduler),
    };
}
