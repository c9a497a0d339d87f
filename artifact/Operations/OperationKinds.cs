namespace Specializer.Manifest;

/// <summary>The kinds of operation by their names in JSON, and what reads them.</summary>
internal static class OperationKinds
{
    private static readonly (string Name, Func<ObjectBinder, Operation> Read)[] s_all =
    [
        (QuantizeOperation.JsonName, QuantizeOperation.Read),
        (GroupNormOperation.JsonName, GroupNormOperation.Read),
        (ConvolutionOperation.JsonName, ConvolutionOperation.Read),
        (AttentionOperation.JsonName, AttentionOperation.Read),
        (LayerNormOperation.JsonName, LayerNormOperation.Read),
        (ActivationOperation.JsonName, ActivationOperation.Read),
        (GegluOperation.JsonName, GegluOperation.Read),
        (CrossAttentionOperation.JsonName, CrossAttentionOperation.Read),
        (ScaleShiftOperation.JsonName, ScaleShiftOperation.Read),
        (ModulationOperation.JsonName, ModulationOperation.Read),
        (LinearMapOperation.JsonName, LinearMapOperation.Read),
        (ResampleOperation.JsonName, ResampleOperation.Read),
        (LookupOperation.JsonName, LookupOperation.Read),
        (CodebookOperation.JsonName, CodebookOperation.Read),
    ];

    /// <summary>All names.</summary>
    public static string[] Names { get; } = [.. s_all.Select(k => k.Name)];

    /// <summary>Reads the properties after <c>op</c>; an unknown kind is read as the first one.</summary>
    public static Operation Read(string name, ObjectBinder o) => s_all.First(k => k.Name == name).Read(o);
}
