using Specializer.Calibration;

namespace Specializer.Reporting;

/// <summary>What to evaluate.</summary>
public sealed record EvaluationOptions
{
    /// <summary>Index of the first image.</summary>
    public long FirstImage { get; init; }
    /// <summary>What a model with a text encoder draws, spread over the images as a calibration does it; none for other models.</summary>
    public IReadOnlyList<string> Prompts { get; init; } = [];
    /// <summary>What a network is given that reads more than its state and has nothing beside it that makes it, spread alike; null for other models.</summary>
    public GivenContexts? Contexts { get; init; }
    /// <summary>Images of each row, at least 2: intervals are taken over images.</summary>
    public int Images { get; init; } = 512;
    /// <summary>True for all rows of the ablation, which are calibrated here; false for FP32 and the artefact alone.</summary>
    public bool Ablation { get; init; } = true;
    /// <summary>Trajectories that each ablation row is calibrated on.</summary>
    public int Trajectories { get; init; } = 64;
    /// <summary>Numbers of trajectories, each larger than the one before, for a curve of the error over them: each is calibrated here, without corrections. Weights and ranges come from the first 256 at most. None for no curve.</summary>
    public IReadOnlyList<int> Samples { get; init; } = [];
    /// <summary>What learns rounding and step sizes for two more rows; null for no such rows.</summary>
    public ReferenceEngine? Engine { get; init; }
    /// <summary>How it learns.</summary>
    public ReconstructionOptions Reconstruction { get; init; } = new();
    /// <summary>Folder that keeps what was done, so that the same evaluation goes on from there when it was interrupted; null to keep nothing.</summary>
    public string? ResumeFolder { get; init; }
    /// <summary>Folder with MNIST's test set and a classifier for it; null for none.</summary>
    public string? ClassifierFolder { get; init; }
    /// <summary>Told before the work what it holds in memory at most, in bytes.</summary>
    internal Action<long>? MemoryPredicted { get; init; }
}
