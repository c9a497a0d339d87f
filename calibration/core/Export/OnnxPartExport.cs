namespace Specializer.Calibration.Export;

/// <summary>Writes autoencoders and text encoders as ONNX files that other runtimes run: FP32, batch free, sizes fixed.</summary>
public static class OnnxPartExport
{
    /// <summary>Writes an <c>AutoencoderKL</c> or <c>VQModel</c> (<c>latent</c> [N, C, H, W] to <c>image</c>, or <c>image</c> to <c>moments</c>), or a <c>CLIPTextModel</c>
    /// (<c>input_ids</c> int64 [N, tokens] to <c>last_hidden_state</c> [N, tokens, C]).</summary>
    /// <param name="folder">Holds <c>config.json</c> and the weights; or the pipeline's folder.</param>
    /// <param name="part">Which part.</param>
    /// <param name="output">Receives the file.</param>
    /// <param name="height">Rows of what goes in. A text encoder has none.</param>
    /// <param name="width">Columns of what goes in; for a text encoder tokens, 0 for as many as there are positions.</param>
    /// <param name="clipSkip">Last layers of a text encoder that are left out before its final norm, as Stable Diffusion 1 and 2 read it. Others have none.</param>
    /// <returns>Names of input and output.</returns>
    /// <exception cref="ModelImportException">A file or tensor is missing, malformed or does not fit the others.</exception>
    /// <exception cref="UnsupportedModelException">The configuration asks for something that is not implemented.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size is not possible, or a text encoder has no more layers than are to be left out.</exception>
    public static (string Input, string Output) Write(string folder, PipelinePart part, Stream output, int height = 64, int width = 64, int clipSkip = 0) =>
        Write(folder, part, output, height, width, clipSkip, _ => { });

    /// <summary>The same; <paramref name="announce"/> is told the bytes of the tensors before they are written.</summary>
    internal static (string Input, string Output) Write(string folder, PipelinePart part, Stream output, int height, int width, int clipSkip, Action<long> announce)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(output);
        if (Pipeline.Find(folder) is { } pipeline) folder = Path.Combine(folder, part == PipelinePart.TextEncoder ? "text_encoder" : pipeline.Decoder?.Name ?? "vae");
        ConfigurationReader json = ConfigurationReader.Open(Path.Combine(folder, "config.json"));
        using ModelWeights weights = PartImporter.OpenWeights(folder, part == PipelinePart.TextEncoder, []);
        (string Input, string Result) names = part switch { PipelinePart.Decoder => ("latent", "image"), PipelinePart.Encoder => ("image", "moments"), _ => ("input_ids", "last_hidden_state") };
        return weights.Import(w =>
        {
            ImportedNetwork network = PartImporter.Import(json, w, part, height, width, clipSkip: clipSkip);
            announce(OnnxExport.Bytes(network.Network, 0));
            Write(network, output, names.Input, names.Result);
            return names;
        });
    }

    /// <summary>Writes a network that knows no timestep.</summary>
    internal static void Write(ImportedNetwork network, Stream output, string input, string result) =>
        OnnxExporter.Export(network.Network, name => network.Tensors[name], output, new() { Input = input, Output = result });
}
