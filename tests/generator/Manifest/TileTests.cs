using System.Text.Json.Nodes;
using Specializer.Manifest;
using JsonNode = System.Text.Json.Nodes.JsonNode;

namespace Specializer.Generator.Tests;

/// <summary>Manifests whose decoder reads a tile of the state at a time.</summary>
public sealed class TileTests
{
    [Fact]
    public void Tiles_make_the_whole_picture()
    {
        JsonObject json = Tiled(6, 8, 2);
        ManifestResult result = ManifestReader.Read(ManifestBuilder.Text(json));
        Assert.Empty(result.Errors);
        LinkedNetwork linked = LinkedNetwork.Of(result.Manifest!);
        Assert.Equal(("vae.latent", true, (16, 16)), (linked.Tile, linked.TilesBlend, linked.PictureSize));
        Assert.Equal(["ids"], linked.Given);

        string text = ManifestBuilder.Text(json);
        using Sampler sampler = CompiledSampler.Load(text, CompiledSampler.Pack(text));
        ImageBatch picture = sampler.Sample(new() { Count = 2, Tokens = [[10, 1, 2, 11], [10, 3, 11, 11]] });
        Assert.Equal((2, 16, 16, 3), (picture.Count, picture.Height, picture.Width, picture.Channels));
        Assert.All(picture.Pixels.ToArray(), p => Assert.True(float.IsFinite(p)));
        // No part is left out.
        Assert.All(Enumerable.Range(0, 2 * 16 * 16), i => Assert.Contains(picture.Pixels.ToArray()[(3 * i)..(3 * i + 3)], p => p != 0));
    }

    [Theory]
    [InlineData(8, 8, 2, ManifestErrorId.Shape, "smaller")]
    [InlineData(9, 8, 2, ManifestErrorId.Shape, "smaller")]
    [InlineData(8, 9, 2, ManifestErrorId.Shape, "smaller")]
    [InlineData(6, 8, 6, ManifestErrorId.Range, "none would be their own")]
    [InlineData(8, 6, 6, ManifestErrorId.Range, "none would be their own")]
    [InlineData(6, 6, 0, ManifestErrorId.Shape, "They must be equal")]
    public void What_is_no_tile_is_named(int height, int width, int overlap, string id, string message)
    {
        ManifestError error = Assert.Single(ManifestReader.Read(ManifestBuilder.Text(Tiled(height, width, overlap))).Errors);
        Assert.Equal(id, error.Id);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tile_has_the_channels_of_the_state_and_all_pixels_fit_an_array()
    {
        Assert.Empty(ManifestReader.Read(ManifestBuilder.Text(Tiled(8, 6, 2))).Errors);
        JsonObject deep = Tiled(6, 8, 2), large = Tiled(6, 8, 2, size: 2048);
        foreach (JsonNode? map in deep["decoder"]!["maps"]!.AsArray().Take(2)) map!["channels"] = 2;
        Assert.Contains("as many channels", Assert.Single(ManifestReader.Read(ManifestBuilder.Text(deep)).Errors).Message, StringComparison.Ordinal);
        large["decoder"]!["maps"]!.AsArray()[^1]!["channels"] = 64;
        Assert.Contains("more than 2 GiB", Assert.Single(ManifestReader.Read(ManifestBuilder.Text(large)).Errors).Message, StringComparison.Ordinal);
    }

    /// <summary>Where no pixel depends on all of a tile, neighbours do not differ.</summary>
    [Fact]
    public void Tiles_without_norms_are_not_mixed()
    {
        JsonObject json = Tiled(6, 8, 2), decoder = json["decoder"]!.AsObject(), last = decoder["operations"]!.AsArray()[^1]!.AsObject();
        decoder["operations"]!.AsArray().RemoveAt(2);
        decoder["maps"]!.AsArray().RemoveAt(3);
        (last["input"], last["weightBits"], decoder["scales"], decoder["zeroPoints"], decoder["levels"]) = ("h0", 32, new JsonArray(), new JsonArray(), new JsonArray());
        string source = GeneratorHarness.Run(ManifestBuilder.Text(json)).Compiles().Source;
        Assert.Contains("TileOverlap = 2", source, StringComparison.Ordinal);
        Assert.DoesNotContain("TilesBlend", source, StringComparison.Ordinal);
    }

    [Fact]
    public void Tiles_need_a_decoder_and_whole_pixels()
    {
        JsonObject none = new ManifestBuilder().WithEveryOperation().ToJson();
        none["decoderOverlap"] = 2;
        Assert.Contains("no decoder", Assert.Single(ManifestReader.Read(ManifestBuilder.Text(none)).Errors).Message, StringComparison.Ordinal);

        foreach (var (side, pixels) in new[] { ("height", 11), ("width", 15) })
        {
            JsonObject odd = Tiled(6, 8, 2);
            // One less than twice as many, which an upsampling may give.
            odd["decoder"]!["maps"]!.AsArray().Single(m => m!["name"]!.GetValue<string>() == "image")![side] = pixels;
            Assert.Contains("no multiple", Assert.Single(ManifestReader.Read(ManifestBuilder.Text(odd)).Errors).Message, StringComparison.Ordinal);
        }
    }

    /// <summary>A state, of 8×8, that becomes twice as many pixels each way.</summary>
    private static JsonObject Tiled(int height, int width, int overlap, int size = 8)
    {
        JsonObject json = new ManifestBuilder { Steps = 2, Size = size }.WithNetworks().ToJson();
        foreach (JsonNode? map in json["decoder"]!["maps"]!.AsArray())
        {
            int scale = map!["height"]!.GetValue<int>() / size;
            (map["height"], map["width"]) = (height * scale, width * scale);
        }

        if (overlap > 0) json["decoderOverlap"] = overlap;
        return json;
    }
}
