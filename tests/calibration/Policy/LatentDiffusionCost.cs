using System.Globalization;

namespace Specializer.Calibration.Tests;

/// <summary>How products of two activations (q·kᵀ and softmax·v) are counted.</summary>
internal enum AttentionCounting
{
    /// <summary>Left out: only layers with weights count.</summary>
    LayersOnly,
    /// <summary>8 × 8 bits.</summary>
    EightBits,
    /// <summary>FP32.</summary>
    Float32,
}

/// <summary>Costs of a conditional U-Net (LDM-4 class) from the list of its tensors' shapes: the resolution of a module follows from its name.</summary>
internal static class LatentDiffusionCost
{
    /// <summary>Costs of one evaluation at the published widths: 4-bit weights, 8 bits in the first and last convolution.</summary>
    /// <param name="tensorShapes">Lines <c>name TAB [d0, d1, …]</c>; lines that start with # are comments.</param>
    /// <param name="size">Rows and columns of the latent.</param>
    /// <param name="blocks">Number of down blocks.</param>
    /// <param name="attention">How attention products are counted.</param>
    /// <remarks>The time embedding and its projections are left out: they are folded into per-step constants. Cross attention has one context token.</remarks>
    public static LayerCost[] Layers(IEnumerable<string> tensorShapes, int size, int blocks, AttentionCounting attention)
    {
        var costs = new List<LayerCost>();
        foreach (string line in tensorShapes)
        {
            string[] parts = line.Split('\t');
            if (line.StartsWith('#') || parts.Length != 2 || !parts[0].EndsWith(".weight", StringComparison.Ordinal) || parts[0].Contains("time_emb", StringComparison.Ordinal)) continue;
            long[] shape = [.. parts[1].Trim('[', ']').Split(", ").Select(d => long.Parse(d, CultureInfo.InvariantCulture))];
            if (shape.Length < 2) continue;
            string name = parts[0][..^".weight".Length];
            long side = Side(name, size, blocks), pixels = side * side;
            bool context = name.Contains(".attn2.to_k", StringComparison.Ordinal) || name.Contains(".attn2.to_v", StringComparison.Ordinal);
            bool outer = name is "conv_in" or "conv_out";
            costs.Add(new(name, shape.Aggregate(1L, (a, b) => a * b) * (context ? 1 : pixels), outer ? 8 : 4, outer ? 8 : 0));
            if (attention == AttentionCounting.LayersOnly || !name.EndsWith(".to_q", StringComparison.Ordinal)) continue;
            long keys = name.Contains(".attn2.", StringComparison.Ordinal) ? 1 : pixels;
            int bits = attention == AttentionCounting.EightBits ? 8 : 32;
            costs.Add(new(name[..^".to_q".Length], 2 * pixels * keys * shape[0], bits, bits));
        }

        return [.. costs];
    }

    private static long Side(string name, int size, int blocks)
    {
        if (name.StartsWith("mid_block", StringComparison.Ordinal)) return size >> (blocks - 1);
        string[] path = name.Split('.');
        if (path[0] == "down_blocks") return size >> (Block(path) + (path[2] == "downsamplers" ? 1 : 0));
        if (path[0] == "up_blocks") return size >> (blocks - 1 - Block(path) - (path[2] == "upsamplers" ? 1 : 0));
        return size;
    }

    private static int Block(string[] path) => int.Parse(path[1], CultureInfo.InvariantCulture);
}
