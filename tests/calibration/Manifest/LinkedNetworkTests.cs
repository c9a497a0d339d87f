using Specializer.Manifest;

namespace Specializer.Calibration.Tests;

/// <summary>What several networks are together: names, binding times, slots, memory.</summary>
public class LinkedNetworkTests
{
    private static readonly LinkedNetwork s_linked = LinkedNetwork.Of(TestManifest.OfSeveralNetworks());

    [Fact]
    public void A_network_alone_is_itself()
    {
        CalibrationManifest manifest = TestManifest.Quantized();
        var linked = LinkedNetwork.Of(manifest);
        Assert.Same(manifest.Network, linked.Network);
        Assert.Equal((0, 4, 0, "latent"), (linked.CallOperations, linked.StepOperations, linked.Given.Count, linked.Picture));
    }

    [Fact]
    public void Operations_stand_in_the_order_of_their_binding_times() => Assert.Equal(
        [
            (BindingTime.Call, "text_encoder.tokens"), (BindingTime.Call, "to_kv.quantize"), (BindingTime.Call, "to_kv"),
            (BindingTime.Step, "conv_in"), (BindingTime.Step, "attention"), (BindingTime.Step, "conv_out"),
            (BindingTime.End, "vae.conv.quantize"), (BindingTime.End, "vae.conv"),
        ],
        s_linked.Network.Operations.Select((o, i) => (s_linked.Time(i), o.Name)));

    [Fact]
    public void What_connects_networks_is_one_map_and_other_names_are_qualified()
    {
        Assert.Equal(["latent", "context", "context.q", "kv", "h", "a", "epsilon", "ids", "vae.q", "vae.image"], s_linked.Network.Maps.Select(m => m.Name));
        Assert.Equal(["ids"], s_linked.Given);
        Assert.Equal("vae.image", s_linked.Picture);
        Assert.Equal(9, s_linked.Rows("ids"));
    }

    [Fact]
    public void Slots_of_the_sampled_network_come_first() =>
        Assert.Equal((0, 1, 2), (s_linked.Slots["context.q"], s_linked.Slots["vae.q"], s_linked.Slots.Count));

    /// <summary>An operation that reads the timestep's vectors, or writes the prediction, belongs to the step even where all it reads is the call's.</summary>
    [Fact]
    public void What_depends_on_the_timestep_is_no_call_operation()
    {
        Network network = TestManifest.OfSeveralNetworks().Network;
        ConvolutionOperation keys = network.Operations.OfType<ConvolutionOperation>().Single(o => o.Name == "to_kv");
        var linked = LinkedNetwork.Of(network with { Operations = network.Operations.Select(o => o == keys ? keys with { Vector = 0 } : o).ToEquatableArray() });
        Assert.Equal(["to_kv.quantize"], linked.Network.Operations.Take(linked.CallOperations).Select(o => o.Name));
    }

    /// <summary>Of a label's way into residual blocks, what comes before the timestep does runs once a call.</summary>
    [Theory]
    [InlineData("projection", false, "linear_1 act linear_2")]
    [InlineData("simple_projection", false, "")]
    [InlineData("timestep", true, "linear_1 act linear_2 concat")]
    public void A_label_by_itself_belongs_to_the_call(string type, bool concatenates, string operations)
    {
        var configuration = UNetConfiguration.Read(ConfigurationReader.Parse("config.json", System.Text.Encoding.UTF8.GetBytes($$"""
            {"_class_name": "UNet2DConditionModel", "sample_size": 8, "in_channels": 3, "out_channels": 3, "block_out_channels": [32], "cross_attention_dim": 16, "down_block_types": ["DownBlock2D"], "up_block_types": ["UpBlock2D"],
             "mid_block_type": null, "class_embed_type": "{{type}}", "projection_class_embeddings_input_dim": 24, "class_embeddings_concat": {{(concatenates ? "true" : "false")}}}
            """)));
        var linked = LinkedNetwork.Of(UNetImporter.Import(configuration, SourceTensors.None()).Network);
        string[] call = [.. operations.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(o => $"class_embedding.{o}")];
        Assert.Equal(call.Length == 0 ? ["class_embedding"] : call, linked.Network.Operations.Take(linked.CallOperations).Select(o => o.Name));
        Assert.Equal("time_embedding", linked.Network.Operations[linked.CallOperations].Name);
    }

    /// <summary>Steps run many times, and the picture may be looked at between two: what is needed again keeps its memory.</summary>
    [Fact]
    public void State_and_what_a_call_computed_keep_their_memory()
    {
        var plan = new BufferPlan(s_linked);
        var bytes = s_linked.Network.Maps.ToDictionary(m => m.Name, m => m.BytesPerImage);
        bytes.Add(BufferPlan.Vectors, 64);
        foreach (string lasting in (string[])["latent", "kv"])
            foreach (string other in (string[])["h", "a", "epsilon", BufferPlan.Vectors, "vae.q", "vae.image", lasting == "kv" ? "latent" : "kv"])
                Assert.False(Overlap(lasting, other), $"{lasting}, {other}");
        Assert.False(Overlap("vae.q", "vae.image"));
        Assert.Equal(plan.LiveBytesPerImage, plan.BytesPerImage);
        // The decoder works where the steps' maps lay.
        Assert.True(plan.BytesPerImage < bytes.Values.Sum());

        bool Overlap(string a, string b) => plan[a] < plan[b] + bytes[b] && plan[b] < plan[a] + bytes[a];
    }

    [Fact]
    public void Tensors_are_named_after_their_network() =>
        Assert.Equal(["embedding.vectors", "text_encoder.tokens.table", "text_encoder.tokens.position", "to_kv.weight", "to_kv.scale", "to_kv.bias",
            "conv_in.weight", "conv_in.bias", "conv_out.weight", "conv_out.bias", "vae.conv.weight", "vae.conv.scale", "vae.conv.bias", "prompt.vocabulary", "prompt.merges"],
            Packing.WeightTensors.Of(s_linked.Network, 2).Keys);
}
