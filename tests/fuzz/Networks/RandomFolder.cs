using System.Text.Json.Nodes;
using Specializer.Calibration;
using Specializer.Calibration.Conversion;
using Specializer.Manifest;
using Specializer.Packing;
using Specializer.Tests;

namespace Specializer.Fuzz;

/// <summary>A random folder of diffusers' <c>UNet2DModel</c> with any setting that its class has, random weights and a scheduler of any family, imported and calibrated with few trajectories, or quantized at random.</summary>
/// <param name="Seed">Of the weights, and of the settings that are not below.</param>
/// <param name="Size">Rows and columns of the smallest level.</param>
/// <param name="Channels">Of the picture.</param>
/// <param name="Widths">Channels of each level, in fours.</param>
/// <param name="Layers">Of each level.</param>
/// <param name="Attends">Whether levels may have attention.</param>
/// <param name="Classes">Labels, the last of which means none; 0 for an unconditional network.</param>
/// <param name="Steps">Denoising steps.</param>
/// <param name="Calibrated">Whether it is calibrated, which takes ten times as long as all else.</param>
internal sealed record RandomFolder(int Seed, int Size, int Channels, IReadOnlyList<int> Widths, int Layers, bool Attends, int Classes, int Steps, bool Calibrated) : IRandomNetwork
{
    private static readonly string[] s_schedulers =
    [
        "DDPM", "DDIM", "EulerDiscrete", "EulerAncestralDiscrete", "HeunDiscrete", "KDPM2Discrete", "KDPM2AncestralDiscrete", "LMSDiscrete", "PNDM", "DPMSolverMultistep", "DPMSolverSinglestep", "DEISMultistep",
        "UniPCMultistep", "LCM",
    ];

    public string Description => $"{string.Join("-", Widths.Select(w => 4 * w))} channels, {Layers} layers, {(Attends ? "attention" : "no attention")}, {Classes} classes, {Steps} steps, {Size}×{Size} at the smallest level, {Channels} channels of the picture";

    private string Family => s_schedulers[Seed % s_schedulers.Length];

    /// <summary>Whether its steps lie where a learned table of timesteps has rows.</summary>
    private bool Integral => Family is "DDPM" or "DDIM";

    /// <param name="calibrated">Whether it is calibrated.</param>
    public static RandomFolder Of(Random random, bool calibrated) => new(
        random.Next(), random.Next(1, calibrated ? 4 : 3), random.Next(1, 4), [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => random.Next(1, 5))], random.Next(1, 3), random.Next(2) == 0, random.Next(3) == 0 ? 4 : 0, random.Next(4, 7), calibrated);

    public IEnumerable<IRandomNetwork> Smaller()
    {
        if (Widths.Count > 1) yield return this with { Widths = [.. Widths.Take(Widths.Count - 1)] };
        for (int i = 0; i < Widths.Count; i++)
            if (Widths[i] > 1) yield return this with { Widths = [.. Widths.Select((w, level) => level == i ? 1 : w)] };
        if (Layers > 1) yield return this with { Layers = 1 };
        if (Attends) yield return this with { Attends = false };
        if (Classes > 0) yield return this with { Classes = 0 };
        if (Size > 1) yield return this with { Size = Size - 1 };
        if (Channels > 1) yield return this with { Channels = 1 };
        if (Steps > 4) yield return this with { Steps = Steps - 1 };
    }

    public RandomArtifact Make()
    {
        using var folder = new TemporaryFolder();
        string model = folder.File("model"), artifact = folder.File("artifact");
        var random = new Random(Seed);
        Synthesizer.Write(new PipelineRecipe("random", "DDPMPipeline", [new("unet", Network(random))], Scheduler(random)), model, (ulong)Seed);
        int bits = RandomNetwork.Pick(random, 4, 8);
        var options = new CalibrationOptions
        {
            Steps = Steps, Trajectories = 2, WeightBits = bits, Activations = bits == 8 ? ActivationWidth.Eight : RandomNetwork.Pick(random, ActivationWidth.Four, ActivationWidth.Eight, ActivationWidth.Mixed),
            AttentionBits = RandomNetwork.Pick(random, 8, 32), GuidanceMaximum = Classes > 0 ? 3 : 1, Seed = (ulong)Seed,
        };
        ImportedModel imported = DiffusersImporter.Load(model, nullLabel: Classes > 0 ? Classes - 1 : null);
        if (!Calibrated) return RandomQuantization.Of(imported, options, random);
        using var device = new CpuDevice(1);
        string path = Calibrator.Run(imported, options, artifact, device).ManifestPath;
        using CalibrationArtifact written = CalibrationArtifact.Open(path);
        Dictionary<string, byte[]> tensors = WeightTensors.Of(LinkedNetwork.Of(written.Manifest).Network, written.Manifest.Steps.Count).Values.ToDictionary(t => t.Name, t => written.Tensor(t.Name, t.Bytes));
        return RandomArtifact.Of(File.ReadAllText(path), (name, _) => tensors[name]);
    }

    public string Text()
    {
        var random = new Random(Seed);
        return $"{Network(random)}\n{Scheduler(random)}\n";
    }

    private string Network(Random random) => new JsonObject
    {
        ["_class_name"] = "UNet2DModel",
        ["sample_size"] = Size << (Widths.Count - 1),
        ["in_channels"] = Channels,
        ["out_channels"] = Channels,
        ["block_out_channels"] = new JsonArray([.. Widths.Select(w => JsonValue.Create(4 * w))]),
        ["layers_per_block"] = Layers,
        ["norm_num_groups"] = RandomNetwork.Pick(random, 1, 2, 4),
        ["norm_eps"] = RandomNetwork.Pick(random, 1e-5, 1e-6),
        ["down_block_types"] = Blocks(random, "Down"),
        ["up_block_types"] = Blocks(random, "Up"),
        ["downsample_type"] = RandomNetwork.Pick(random, "conv", "resnet"),
        ["upsample_type"] = RandomNetwork.Pick(random, "conv", "resnet"),
        ["downsample_padding"] = random.Next(2),
        ["add_attention"] = Attends && random.Next(2) == 0,
        ["attention_head_dim"] = RandomNetwork.Pick<int?>(random, null, 2, 4),
        ["mid_block_scale_factor"] = RandomNetwork.Pick(random, 1, 1.4142135),
        ["resnet_time_scale_shift"] = RandomNetwork.Pick(random, "default", "scale_shift"),
        // Labels reach other functions by way of a further input, which calibration refuses.
        ["act_fn"] = RandomNetwork.Pick(random, "silu", "mish", "gelu", "relu") is { } function && Classes == 0 ? function : "silu",
        ["center_input_sample"] = random.Next(2) == 0,
        ["flip_sin_to_cos"] = random.Next(2) == 0,
        ["freq_shift"] = random.Next(2),
        ["time_embedding_type"] = Integral && random.Next(2) == 0 ? "learned" : "positional",
        ["num_train_timesteps"] = 1000,
        ["num_class_embeds"] = Classes > 0 ? Classes : null,
    }.ToJsonString();

    private JsonArray Blocks(Random random, string way) => [.. Widths.Select(_ => random.Next(2) == 0 && Attends ? $"Attn{way}Block2D" : $"{way}Block2D")];

    private string Scheduler(Random random) => new JsonObject
    {
        ["_class_name"] = Family + "Scheduler",
        ["num_train_timesteps"] = 1000,
        // Else its last step has no length.
        ["steps_offset"] = Family == "PNDM" ? 1 : random.Next(2),
        ["beta_schedule"] = RandomNetwork.Pick(random, "linear", "scaled_linear"),
        ["prediction_type"] = RandomNetwork.Pick(random, "epsilon", "v_prediction"),
    }.ToJsonString();
}
