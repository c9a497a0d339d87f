namespace Specializer.Calibration;

/// <summary>How many transformer layers each attention of a <c>UNet2DConditionModel</c> has.</summary>
/// <param name="Down">Per level on the way down, and layer of it.</param>
/// <param name="Middle">In the middle.</param>
/// <param name="Up">Per block on the way up, the smallest maps first, and layer of it.</param>
internal sealed record TransformerLayers(int[][] Down, int Middle, int[][] Up)
{
    private const string DownKey = "transformer_layers_per_block", UpKey = "reverse_transformer_layers_per_block";
    private const int Most = 65536;

    /// <summary>Reads one number for all attentions, or for each level a number or a list of one for each layer; and those of the way up, which are the same from the other end where they are not given.</summary>
    /// <exception cref="ModelImportException">Numbers are missing, or are too many.</exception>
    public static TransformerLayers Read(ConfigurationReader json, UNetLevels levels)
    {
        int[][] down = json.IsArray(DownKey) ? json.IntegerLists(DownKey, 1, Most) : [.. Enumerable.Repeat((int[])[json.Integer(DownKey, 1, 1, Most)], levels.Count)];
        bool reversed = !json.Has(UpKey) || json.IsNull(UpKey);
        if (reversed && down.Any(level => level.Length > 1))
            throw new ModelImportException(json.File, UpKey, $"is missing: with lists of layers in {DownKey} it says what the way up has, which has a layer more at each level. Download the model again.");
        int[][] up = reversed ? [.. down.Reverse()] : json.IntegerLists(UpKey, 1, Most);
        return new(Spread(DownKey, down, levels.Layers), down is [.., [var middle, ..]] ? middle : 1, Spread(UpKey, up, [.. levels.Layers.Reverse().Select(layers => layers + 1)]));

        int[][] Spread(string key, int[][] given, int[] layers)
        {
            if (given.Length != layers.Length) throw new ModelImportException(json.File, key, $"has {given.Length} entries; one for each of the {layers.Length} levels is expected.");
            return [.. given.Zip(layers, (own, count) => own.Length == 1 ? [.. Enumerable.Repeat(own[0], count)]
                : own.Length == count ? own : throw new ModelImportException(json.File, key, $"has {own.Length} numbers for a block of {count} layers; a number, or one for each layer, is expected."))];
        }
    }
}
