using System.Globalization;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Turns both halves of a diffusers <c>AutoencoderTiny</c> into networks.</summary>
/// <remarks>
/// A block is relu(conv(f(conv(f(conv(x))))) + x), all 3×3. The decoder: z ← 3·tanh(z/3); conv, f; then per level its blocks and, but for the last level, doubling by repetition and a
/// convolution without bias; a last convolution, and y ← 2y − 1. The encoder: x ← (x + 1)/2; a convolution; per level its blocks, before which, but for the first, a convolution of stride 2
/// without bias; a last convolution. Modules are numbered as they stand in one sequence, doubling and f among them.
/// </remarks>
internal static class TinyAutoencoderImporter
{
    /// <summary>Latents to images in [−1, 1].</summary>
    /// <param name="configuration">The autoencoder's.</param>
    /// <param name="source">Its tensors; those of the encoder are left.</param>
    /// <param name="height">Rows of the latents.</param>
    /// <param name="width">Columns of the latents.</param>
    public static ImportedNetwork Decoder(TinyAutoencoderConfiguration configuration, SourceTensors source, int height, int width)
    {
        TinyAutoencoderConfiguration c = configuration;
        var network = new NetworkBuilder(source, embeddingWidth: 0);
        Map latent = network.AddMap("latent", height, width, c.LatentChannels);
        Map h = network.LinearMap("decoder.third", latent, 1 / 3.0, 0);
        h = network.LinearMap("decoder.bounded", network.Activation("decoder.tanh", h, "tanh"), 3, 0);
        int module = 0;
        h = network.Convolution(Name("decoder", module++), new MapPair(h), c.DecoderChannels[0], new());
        h = network.Activation(Name("decoder", module++), h, c.Activation);
        for (int level = 0; level < c.DecoderChannels.Length; level++)
        {
            for (int block = 0; block < c.DecoderBlocks[level]; block++) h = Block(network, Name("decoder", module++), h, c.Activation);
            if (level == c.DecoderChannels.Length - 1) break;
            module++;
            h = network.Convolution(Name("decoder", module++), new MapPair(h), c.DecoderChannels[level], new() { Upsample = 2, Bias = false });
        }

        // 2y − 1 within the last convolution.
        string last = Name("decoder", module);
        Map image = network.Convolution(last, last, h, c.ImageChannels, new() { Output = "image" }, w => Array.ConvertAll(w, v => 2 * v), b => Array.ConvertAll(b, v => 2 * v - 1));
        return new(network.Build(latent, image), network.Tensors);
    }

    /// <summary>Images in [−1, 1] to latents.</summary>
    /// <param name="configuration">The autoencoder's.</param>
    /// <param name="source">Its tensors; those of the decoder are left.</param>
    /// <param name="height">Rows of the images.</param>
    /// <param name="width">Columns of the images.</param>
    public static ImportedNetwork Encoder(TinyAutoencoderConfiguration configuration, SourceTensors source, int height, int width)
    {
        TinyAutoencoderConfiguration c = configuration;
        var network = new NetworkBuilder(source, embeddingWidth: 0);
        Map image = network.AddMap("image", height, width, c.ImageChannels), h = network.LinearMap("encoder.unit", image, 0.5, 0.5);
        int module = 0;
        for (int level = 0; level < c.EncoderChannels.Length; level++)
        {
            h = network.Convolution(Name("encoder", module++), new MapPair(h), c.EncoderChannels[level], level == 0 ? new() : new() { Stride = 2, Bias = false });
            for (int block = 0; block < c.EncoderBlocks[level]; block++) h = Block(network, Name("encoder", module++), h, c.Activation);
        }

        return new(network.Build(image, network.Convolution(Name("encoder", module), new MapPair(h), c.LatentChannels, new() { Output = "moments" })), network.Tensors);
    }

    private static Map Block(NetworkBuilder network, string name, Map input, string function)
    {
        Map h = input;
        for (int i = 0; i < 2; i++)
        {
            string module = string.Create(CultureInfo.InvariantCulture, $"{name}.conv.{2 * i}");
            h = network.Activation($"{module}.act", network.Convolution(module, new MapPair(h), input.Channels, new()), function);
        }

        h = network.Convolution($"{name}.conv.4", new MapPair(h), input.Channels, new() { Residual = input });
        return network.Activation($"{name}.fuse", h, "relu");
    }

    private static string Name(string half, int module) => string.Create(CultureInfo.InvariantCulture, $"{half}.layers.{module}");
}
