using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>What evaluates the FP32 network: the reference that quantization is measured against. Quantized networks always run on the kernels that ship.</summary>
public abstract class ReferenceEngine
{
    /// <summary>Recorded in the manifest, because engines differ in the last bits.</summary>
    public abstract string Name { get; }

    /// <summary>Prepares a model for evaluation.</summary>
    /// <param name="model">The model.</param>
    /// <param name="timesteps">One row of the embedding's table for each.</param>
    /// <param name="capacity">Images evaluated at once.</param>
    internal abstract IReferenceNetwork Create(ImportedModel model, IReadOnlyList<float> timesteps, int capacity);

    /// <summary>Whether the engine has automatic differentiation.</summary>
    internal virtual bool CanReconstruct => false;

    /// <summary>Learns rounding of weights and step sizes of activations, block by block.</summary>
    /// <exception cref="NotSupportedException">The engine has no automatic differentiation.</exception>
    internal virtual ReconstructedNetwork Reconstruct(ReconstructionRequest request, CancellationToken cancellation) =>
        throw new NotSupportedException($"Block reconstruction needs automatic differentiation, which the engine '{Name}' has not. Use the engine 'torchsharp', or round with gptq.");
}

/// <summary>A model on an engine.</summary>
internal interface IReferenceNetwork : IDisposable
{
    /// <summary>Gives one of the network's further inputs, for all evaluations that follow.</summary>
    /// <param name="input">Its name.</param>
    /// <param name="values">NHWC, for each image of the coming batches.</param>
    void Give(string input, ReadOnlySpan<float> values);

    /// <summary>ε of a batch of any size.</summary>
    /// <param name="step">Row of the embedding's table.</param>
    /// <param name="x">States, NHWC, one after the other.</param>
    /// <param name="labels">One label an image; empty for an unconditional network.</param>
    /// <param name="epsilon">As long as <paramref name="x"/>.</param>
    /// <param name="observer">Told after each operation, for at most the capacity's images at a time, in order.</param>
    /// <param name="cancellation">Acts within the evaluation.</param>
    void Evaluate(int step, ReadOnlySpan<float> x, ReadOnlySpan<int> labels, Span<float> epsilon,
        ReferenceOperationObserver? observer = null, CancellationToken cancellation = default);
}

/// <summary>Told after each operation; its outputs, and its inputs apart from a residual, can be read then.</summary>
internal delegate void ReferenceOperationObserver(Operation operation, IReferenceMaps maps);

/// <summary>The maps of a batch that is being evaluated.</summary>
internal interface IReferenceMaps
{
    /// <summary>Index of the batch's first image among those that are evaluated.</summary>
    int First { get; }

    /// <summary>Images in the batch.</summary>
    int Images { get; }

    /// <summary>Copies a map out, NHWC, all images.</summary>
    void Read(string map, Span<float> destination);
}
