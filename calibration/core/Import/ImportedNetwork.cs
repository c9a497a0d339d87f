using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>A part of a pipeline that knows no timestep: a decoder, an encoder, a text encoder.</summary>
/// <param name="Network">All of whose maps are FP32; its latent is what goes in, its epsilon what comes out.</param>
/// <param name="Tensors">By name, laid out as the operations say.</param>
internal sealed record ImportedNetwork(Network Network, IReadOnlyDictionary<string, float[]> Tensors);
