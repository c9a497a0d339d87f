using System.Text.Json;
using Microsoft.Extensions.AI;
using Specializer.Extensions.AI;

namespace Specializer.Serving.Tests;

/// <summary>How a request of Microsoft.Extensions.AI is read.</summary>
public sealed class RequestTests
{
    private readonly FakeSampler _sampler = new();

    [Fact]
    public void What_is_absent_is_the_models_own() =>
        Assert.Equal(new ImageRequest(new(3), 1, 7, 0, 1), Read(null) with { Seed = 7 });

    [Fact]
    public void Values_may_be_numbers_text_or_json()
    {
        var expected = new ImageRequest(new(3), 2, 7, 5, 1.5f);
        Assert.Equal(expected, Read(new() { Count = 2, AdditionalProperties = new() { ["seed"] = 7, ["first_image"] = 5L, ["guidance"] = 1.5 } }));
        Assert.Equal(expected, Read(new() { Count = 2, AdditionalProperties = new() { ["seed"] = "7", ["first_image"] = "5", ["guidance"] = "1.5" } }));
        JsonElement json = JsonSerializer.SerializeToElement(new { seed = 7, first = 5, guidance = "1.5" });
        Assert.Equal(expected, Read(new()
        {
            Count = 2,
            AdditionalProperties = new() { ["seed"] = json.GetProperty("seed"), ["first_image"] = json.GetProperty("first"), ["guidance"] = json.GetProperty("guidance") },
        }));
    }

    [Theory]
    [InlineData("seed", -1, "'seed' is '-1'")]
    [InlineData("seed", 1.5, "'seed' is '1.5'")]
    [InlineData("seed", "red", "'seed' is 'red'")]
    [InlineData("guidance", "1,5", "the calibrated interval, 1 to 4")]
    [InlineData("guidance", 4.5, "the calibrated interval, 1 to 4")]
    [InlineData("guidance", "NaN", "the calibrated interval, 1 to 4")]
    [InlineData("first_image", 3, "give 'seed', too")]
    [InlineData("first_image", long.MaxValue, "must be a whole number")]
    public void A_value_that_does_not_fit_is_refused_by_its_name(string name, object value, string message) =>
        Assert.Contains(message, Assert.Throws<ArgumentException>(() => Read(new() { Count = 2, AdditionalProperties = new() { [name] = value } })).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(0)]
    [InlineData(9)]
    public void A_count_has_its_limits(int count) =>
        Assert.Contains("1 to 8", Assert.Throws<ArgumentException>(() => Read(new() { Count = count })).Message, StringComparison.Ordinal);

    [Fact]
    public void What_no_sampler_does_is_refused_and_a_size_is_the_models_own()
    {
        Assert.Throws<NotSupportedException>(() => Read(new() { ResponseFormat = ImageGenerationResponseFormat.Uri }));
        Assert.Throws<NotSupportedException>(() => Read(new() { MediaType = "image/jpeg" }));
        Assert.Throws<ArgumentException>(() => Read(new() { ModelId = "another" }));
        Assert.Throws<NotSupportedException>(() => ImageRequest.Read(new("3", [new DataContent(new byte[] { 1 }, "image/png")]), null, _sampler, 8));
        Assert.Equal(1, Read(new() { ModelId = "fake", MediaType = "IMAGE/png", ResponseFormat = ImageGenerationResponseFormat.Data, ImageSize = new(512, 512) }).Count);
    }

    private ImageRequest Read(ImageGenerationOptions? options) => ImageRequest.Read(new("3"), options, _sampler, 8);
}
