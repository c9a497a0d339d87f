using Specializer.Manifest;

namespace Specializer.Calibration.Tests;

/// <summary>Sound manifests with as little in them as a test needs.</summary>
internal static class TestManifest
{
    private static readonly Number One = new("1");

    /// <summary>Latent 4×4×2 → 8-bit convolution → group norm → 4-bit convolution → ε; unconditional, with one vector per channel.</summary>
    public static CalibrationManifest Quantized(string name = "tiny") => Create(name, new Network("latent", "epsilon",
        new([
            new("latent", 4, 4, 2, MapType.Float32), new("conv_in.q", 4, 4, 2, MapType.Quantized16), new("h", 4, 4, 4, MapType.Float32),
            new("norm.q", 4, 4, 4, MapType.Quantized8), new("epsilon", 4, 4, 2, MapType.Float32),
        ]),
        new(0, 0, 4),
        new([
            new QuantizeOperation("conv_in.quantize", "latent", "conv_in.q"),
            new ConvolutionOperation("conv_in", "conv_in.q", "h", null, 3, 1, 1, 1, 1, 8, 0, One),
            new GroupNormOperation("norm", "h", "norm.q", null, null, 2, new("1e-5"), true),
            new ConvolutionOperation("conv_out", "norm.q", "epsilon", "latent", 3, 1, 1, 1, 1, 4, -1, new("0.70710677")),
        ])));

    /// <summary>The same with token ids looked up by an encoder, read through a convolution of the network, and a decoder with an output of twice the size.</summary>
    public static CalibrationManifest OfSeveralNetworks()
    {
        var text = new Network("ids", "context", new([new("ids", 1, 3, 1, MapType.Float32), new("context", 1, 3, 4, MapType.Float32)]), new(0, 0, 0),
            new([new LookupOperation("tokens", "ids", "context", 9)]));
        var network = new Network("latent", "epsilon",
            new([
                new("latent", 4, 4, 2, MapType.Float32), new("context", 1, 3, 4, MapType.Float32), new("context.q", 1, 3, 4, MapType.Quantized16),
                new("kv", 1, 3, 8, MapType.Float32), new("h", 4, 4, 4, MapType.Float32), new("a", 4, 4, 4, MapType.Float32), new("epsilon", 4, 4, 2, MapType.Float32),
            ]),
            new(0, 0, 4),
            new([
                new ConvolutionOperation("conv_in", "latent", "h", null, 3, 1, 1, 1, 1, 32, 0, One),
                new QuantizeOperation("to_kv.quantize", "context", "context.q"),
                new ConvolutionOperation("to_kv", "context.q", "kv", null, 1, 1, 0, 0, 1, 8, -1, One),
                new CrossAttentionOperation("attention", "h", "kv", "a", 2, false),
                new ConvolutionOperation("conv_out", "a", "epsilon", null, 3, 1, 1, 1, 1, 32, -1, One),
            ]))
        { Inputs = new(["context"]) };
        var decoder = new Network("latent", "image",
            new([new("latent", 4, 4, 2, MapType.Float32), new("q", 4, 4, 2, MapType.Quantized8), new("image", 8, 8, 3, MapType.Float32)]), new(0, 0, 0),
            new([
                new QuantizeOperation("conv.quantize", "latent", "q"),
                new ConvolutionOperation("conv", "q", "image", null, 3, 1, 1, 1, 2, 4, -1, One),
            ]));
        return Create("tiny", network) with
        {
            Encoders = new([new("text_encoder", text, default, default, default)]),
            Decoder = new("vae", decoder, new([new("0.5")]), new([100]), new([255])),
            Prompt = new("ids", new([7, 8, 8])) { Vocabulary = 9, Merges = 5 },
        };
    }

    /// <summary>A manifest around a network, with two steps whose numbers need every digit they have.</summary>
    public static CalibrationManifest Create(string name, Network network)
    {
        Map latent = network.Maps.Single(m => m.Name == network.Latent);
        Map[] quantized = [.. network.Maps.Where(m => m.IsQuantized)];
        return new(CalibrationManifest.CurrentSchemaVersion,
            new(name, "UNet2DModel", new string('a', 64), 1234, latent.Height, latent.Width, latent.Channels, network.Embedding.Classes, -1),
            new("ddim", new([new("beta_schedule", "linear"), new("eta", "0.5")])),
            new(One, One, One, "divide", true, true, "budget", 5678, new("12.5")),
            new(new([new DrawStatement(Register.Noise, DrawStatement.Initial), new LinearStatement(Register.State, new([new(Register.Noise, One)]))]), default),
            new($"{name}.weights.safetensors", new string('b', 64), 0),
            network,
            new([Step(0, "980"), Step(1, "480.25")]),
            new("specializer", "0.1.0", new(["--steps 2", "--note \"quoted\\\" é\""]), 16, -1));

        Step Step(int index, string timestep) => new(new(new(timestep), One, Statements(index)), 4, new("0.18999999999999998"), new("-1.5e-07"), new("-0.01"), new("0.3"), new("4E-4"), new("28.6"),
            new("1.0101"), new(Repeat(new Number("0.001"), latent.Channels)),
            new(Repeat(new Number("0.031250003"), quantized.Length)), new(Repeat(7, quantized.Length)),
            new([.. quantized.Select(m => m.Type == MapType.Quantized8 ? 15 : 255)]), default, default);
    }

    private static EquatableArray<Statement> Statements(int index) => new(
    [
        new LinearStatement(Register.Original, new([new(Register.State, new("1.5")), new(Register.Prediction, new("-0.1"))])),
        .. index == 0 ? (Statement[])[] : [new ClipStatement(Register.Original, One)],
        new DrawStatement(Register.Noise, index),
        new LinearStatement(Register.State, new([new(Register.State, new("0.9")), new(Register.Original, new("0.1")), new(Register.Noise, new("0.19"))])),
    ]);

    private static T[] Repeat<T>(T value, int count) => [.. Enumerable.Repeat(value, count)];
}
