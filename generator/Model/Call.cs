using Specializer.Manifest;

namespace Specializer.Generator.Model;

/// <summary>Consecutive operations of one module of the source model.</summary>
internal sealed record Section(string Module, EquatableArray<Call> Calls);

/// <summary>One call on the execution. Maps and weights are names of constants, slots index a step's quantization table.</summary>
internal abstract record Call(string Shape);

internal sealed record QuantizeCall(string Shape, string X, string Q, int Slot) : Call(Shape);

internal sealed record NormalizeCall(string Shape, string Weights, string X, string Y, string? Skip, string? SkipY) : Call(Shape);

internal sealed record NormalizeQuantizeCall(
    string Shape, string Weights, string X, string Q, int Slot, string? Skip, string? SkipQ, int SkipSlot) : Call(Shape);

/// <param name="Shape">Shape struct.</param>
/// <param name="Weights">Section of the packed weights.</param>
/// <param name="X">Map read.</param>
/// <param name="Slot">Its quantization; −1 for FP32.</param>
/// <param name="Y">Map written.</param>
/// <param name="Vector">First element of the step vectors, or −1.</param>
/// <param name="Residual">Map added, or null.</param>
/// <param name="IsOutput">Whether this is the convolution into which the mean correction folds.</param>
internal sealed record ConvolveCall(
    string Shape, string Weights, string X, int Slot, string Y, int Vector, string? Residual, bool IsOutput) : Call(Shape);

/// <param name="Shape">Shape struct.</param>
/// <param name="X">Map read.</param>
/// <param name="Y">Map written.</param>
/// <param name="Slot">Quantization of the query, which those of key and value follow; −1 for FP32.</param>
internal sealed record AttendCall(string Shape, string X, string Y, int Slot) : Call(Shape);
