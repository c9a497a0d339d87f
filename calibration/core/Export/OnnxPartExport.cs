namespace Specializer.Calibration.Export;

/// <summary>Writes autoencoders and text encoders as ONNX files that other runtimes run: batch free, sizes fixed.</summary>
public static class OnnxPartExport
{
    /// <summary>Writes an <c>AutoencoderKL</c> or <c>VQModel</c> (<c>latent</c> [N, C, H, W] to <c>image</c>, or <c>image</c> to <c>moments</c>), or a <c>CLIPTextModel</c>
    /// (<c>input_ids</c> int64 [N, tokens] to <c>last_hidden_state</c> [N, tokens, C]).</summary>
    /// <param name="folder">Holds <c>config.json</c> and the weights; or the pipeline's folder, which int8 needs.</param>
    /// <param name="part">Which part.</param>
    /// <param name="output">Receives the file.</param>
    /// <param name="height">Rows of what goes in. A text encoder has none.</param>
    /// <param name="width">Columns of what goes in; for a text encoder tokens, 0 for as many as there are positions.</param>
    /// <param name="clipSkip">Last layers of a text encoder that are left out before its final norm, as Stable Diffusion 1 and 2 read it. Others have none.</param>
    /// <param name="data">Receives the tensors, as models above 2 GB need; null for all in one file.</param>
    /// <param name="int8">Computes convolutions and linear layers in int8, with ranges of what the pipeline draws, or of the prompts. Null for FP32.</param>
    /// <param name="cancellationToken">Acts while the pictures are drawn.</param>
    /// <returns>Names of input and output.</returns>
    /// <exception cref="ModelImportException">A file or tensor is missing, malformed or does not fit the others.</exception>
    /// <exception cref="UnsupportedModelException">The configuration asks for something that is not implemented.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size is not possible, or a text encoder has no more layers than are to be left out.</exception>
    /// <exception cref="ArgumentException">Int8 is asked for of a part without its pipeline, or without prompts where there is a text encoder.</exception>
    /// <exception cref="NotSupportedException">The model is too large for one file; or the pipeline reads a mask, which int8 does not take.</exception>
    public static (string Input, string Output) Write(string folder, PipelinePart part, Stream output, int height = 64, int width = 64, int clipSkip = 0,
        OnnxData? data = null, OnnxInt8Options? int8 = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(output);
        (string Input, string Output) names = part switch { PipelinePart.Decoder => ("latent", "image"), PipelinePart.Encoder => ("image", "moments"), _ => ("input_ids", "last_hidden_state") };
        return Read(folder, part, (json, import) =>
        {
            if (int8 is not null && Pipeline.Find(folder) is null)
                throw new ArgumentException($"The ranges of int8 are those of what a pipeline draws, and {folder} is no pipeline's folder. Name that, or export in FP32.", nameof(folder));
            Write(import(height, width), output, names.Input, names.Output, data, int8 is null ? null : DrawnRanges.Of(folder, part, json, import, int8, cancellationToken));
            return names;
        }, clipSkip);
    }

    /// <summary>Bytes of the tensors that are written, nearly all there is to a file, from shapes alone.</summary>
    internal static long Bytes(string folder, PipelinePart part, int height, int width, int clipSkip, bool int8) =>
        Read(folder, part, (_, import) => OnnxExport.Bytes(import(height, width).Network, 0, int8), clipSkip);

    /// <summary>Writes a network that knows no timestep.</summary>
    internal static void Write(ImportedNetwork network, Stream output, string input, string result, OnnxData? data = null, ActivationRanges? ranges = null) =>
        OnnxExporter.Export(network.Network, name => network.Tensors[name], output, new() { Input = input, Output = result, Data = data, Ranges = ranges });

    /// <param name="folder">Of the part, or of its pipeline.</param>
    /// <param name="part">Which.</param>
    /// <param name="use">Given the part's configuration, and what imports it for rows and columns.</param>
    /// <param name="clipSkip">Last layers of a text encoder that are left out.</param>
    private static T Read<T>(string folder, PipelinePart part, Func<ConfigurationReader, Func<int, int, ImportedNetwork>, T> use, int clipSkip)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (Pipeline.Find(folder) is { } pipeline) folder = Path.Combine(folder, part == PipelinePart.TextEncoder ? "text_encoder" : pipeline.Decoder?.Name ?? "vae");
        ConfigurationReader json = ConfigurationReader.Open(Path.Combine(folder, "config.json"));
        using ModelWeights weights = PartImporter.OpenWeights(folder, part == PipelinePart.TextEncoder, []);
        return weights.Import(w => use(json, (height, width) => PartImporter.Import(json, w, part, height, width, clipSkip: clipSkip)));
    }
}
