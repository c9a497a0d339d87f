using System.Text.RegularExpressions;
using Specializer.Manifest;

namespace Specializer.Calibration.TorchSharp;

/// <summary>A part of a network whose error is measured as one: a residual or attention block, or a single convolution with what prepares its input.</summary>
/// <param name="Name">Module path.</param>
/// <param name="Quantized">Its operations in the quantized network.</param>
/// <param name="Float32">The same of the FP32 network, which has none that quantize.</param>
internal sealed partial record NetworkBlock(string Name, IReadOnlyList<Operation> Quantized, IReadOnlyList<Operation> Float32)
{
    /// <summary>Cuts a network into blocks, in execution order.</summary>
    public static IReadOnlyList<NetworkBlock> Cut(Network quantized, Network float32)
    {
        var reference = float32.Operations.ToDictionary(o => o.Name, StringComparer.Ordinal);
        var blocks = new List<NetworkBlock>();
        var current = new List<Operation>();
        string? module = null;
        foreach (Operation operation in quantized.Operations)
        {
            string? inside = Module(operation.Name);
            if (inside != module) Close();
            module = inside;
            current.Add(operation);
            if (inside is null && operation is ConvolutionOperation) Close();
        }

        Close();
        return blocks;

        void Close()
        {
            if (current.Count == 0) return;
            Operation[] all = [.. current];
            blocks.Add(new(module ?? all[^1].Name, all, [.. all.Where(o => reference.ContainsKey(o.Name)).Select(o => reference[o.Name])]));
            current.Clear();
        }
    }

    /// <summary>The residual or attention block that a module path lies in, or null.</summary>
    private static string? Module(string name) => ModulePattern().Match(name) is { Success: true } match ? match.Value : null;

    [GeneratedRegex(@"^.*?(resnets|attentions)\.[0-9]+(?=\.)", RegexOptions.CultureInvariant)]
    private static partial Regex ModulePattern();
}
