using Specializer.Manifest;

namespace Specializer.Generator.Model;

/// <summary>Consecutive operations of one module of the source model.</summary>
internal sealed record Section(string Module, EquatableArray<Call> Calls);

/// <summary>One call on the execution. Maps and weights are names of constants, slots index a step's quantization table. Each kind stands in a file of its own
/// among the operations, with how it is printed.</summary>
internal abstract record Call(string Shape)
{
    /// <param name="quantization">Expression for a slot of the step's quantization table.</param>
    /// <param name="correction">Expression for the mean correction, or null for none.</param>
    public abstract string Print(Func<int, string> quantization, string? correction);
}

/// <summary>A call from an FP32 map to another, or to a quantized one: then the member that ends in Quantize.</summary>
/// <param name="Shape">Shape struct.</param>
/// <param name="Method">Member of the execution.</param>
/// <param name="Weights">Section of the packed weights, or null.</param>
/// <param name="X">Map read.</param>
/// <param name="Y">Map written.</param>
/// <param name="Arguments">What follows, printed; or null.</param>
/// <param name="Slot">Quantization of the map written; −1 for FP32.</param>
internal sealed record MapCall(string Shape, string Method, string? Weights, string X, string Y, string? Arguments, int Slot = -1) : Call(Shape)
{
    public override string Print(Func<int, string> quantization, string? correction)
    {
        string method = Slot < 0 ? Method : Method + "Quantize", to = Slot < 0 ? "" : ", " + quantization(Slot);
        return $"run.{method}<{Shape}>({(Weights is null ? "" : $"Weights.{Weights}, ")}Maps.{X}, Maps.{Y}{to}{(Arguments is null ? "" : ", " + Arguments)});";
    }
}
