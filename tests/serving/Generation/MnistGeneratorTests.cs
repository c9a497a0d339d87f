using System.Diagnostics;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Specializer.Extensions.AI;
using Specializer.Formats;
using Specializer.Generated.Tests;

namespace Specializer.Serving.Tests;

/// <summary>The generator over the sampler of the shipped artefact, as a program has it.</summary>
public sealed class MnistGeneratorTests : IDisposable
{
    private readonly ServiceProvider _services;
    private readonly IImageGenerator _generator;

    public MnistGeneratorTests()
    {
        _services = new ServiceCollection()
            .AddSpecializerImageGenerator(_ => MnistSampler.Load(), options => options.LabelNames = new Dictionary<string, int> { ["Seven"] = 7, ["one"] = 1 })
            .BuildServiceProvider();
        _generator = _services.GetRequiredService<IImageGenerator>();
    }

    public void Dispose() => _services.Dispose();

    private sealed class Listing(List<ImagePreview> shown) : IProgress<ImagePreview>
    {
        public void Report(ImagePreview value) => shown.Add(value);
    }

    private sealed class Blind : IProgress<ImagePreview>
    {
        public void Report(ImagePreview value) => throw new InvalidOperationException("blind");
    }

    [Fact]
    public async Task A_prompt_draws_what_the_sampler_draws()
    {
        ImageGenerationResponse response = await _generator.GenerateAsync(new(" seven "), new() { Count = 2, AdditionalProperties = new() { ["seed"] = 3, ["guidance"] = 2 } });

        using MnistSampler sampler = MnistSampler.Load();
        ImageBatch images = sampler.Sample(new() { Count = 2, Seed = 3, Labels = [7], Guidance = 2 });
        Assert.Equal(2, response.Contents.Count);
        for (int i = 0; i < 2; i++)
        {
            var content = Assert.IsType<DataContent>(response.Contents[i]);
            Assert.Equal("image/png", content.MediaType);
            byte[] pixels = [.. images[i].ToArray().Select(ImageGrid.ToByte)];
            Assert.Equal(PngWriter.Encode(pixels, images.Height, images.Width, images.Channels), content.Data.ToArray());
        }
    }

    [Theory]
    [InlineData(3)]
    [InlineData(null)]
    public async Task Images_are_shown_on_their_way_and_remain_the_same(int? previews)
    {
        // More than are drawn at once.
        const int Count = 20;
        AdditionalPropertiesDictionary properties = new() { ["seed"] = 8, ["guidance"] = 2 };
        ImageGenerationResponse alone = await _generator.GenerateAsync(new("7"), new() { Count = Count, AdditionalProperties = properties });
        var shown = new List<ImagePreview>();
        properties = new(properties) { [ImageProperty.Previews] = new Listing(shown) };
        ImageGenerationResponse watched = await _generator.GenerateAsync(new("7"), new() { Count = Count, StreamingCount = previews, AdditionalProperties = properties });

        Assert.Equal(alone.Contents.Select(c => ((DataContent)c).Data.ToArray()), watched.Contents.Select(c => ((DataContent)c).Data.ToArray()));
        int steps = ((SamplerDescription)_generator.GetService(typeof(SamplerDescription))!).Steps.Count;
        Assert.All(shown, p => Assert.InRange(p.Step, 1, steps - 1));
        Assert.Equal(Count * (previews ?? (steps - 1)), shown.Sum(p => p.Images.Count));
        // Each picture's are in order, and they begin with what is not finished.
        foreach (IGrouping<long, (int Step, DataContent Image)> of in shown.SelectMany(p => p.Images.Select(i => (p.Step, Image: i))).GroupBy(i => (long)i.Image.AdditionalProperties![ImageProperty.FirstImage]!))
        {
            Assert.Equal(of.Select(i => i.Step).Order(), of.Select(i => i.Step));
            Assert.NotEqual(((DataContent)alone.Contents[(int)of.Key]).Data.ToArray(), of.First().Image.Data.ToArray());
        }
    }

    [Fact]
    public async Task Who_cannot_look_at_his_images_fails_alone()
    {
        Task<ImageGenerationResponse> blind = Ask(new Blind()), seeing = Ask(new Listing([]));
        Assert.Equal("blind", (await Assert.ThrowsAsync<InvalidOperationException>(() => blind)).Message);
        Assert.Single((await seeing).Contents);
        Assert.Contains("'previews' is a String", (await Assert.ThrowsAsync<ArgumentException>(() => Ask("all"))).Message, StringComparison.Ordinal);
        Assert.Contains("-1 previews", (await Assert.ThrowsAsync<ArgumentException>(() => Ask(new Blind(), -1))).Message, StringComparison.Ordinal);

        Task<ImageGenerationResponse> Ask(object previews, int? count = null) => _generator.GenerateAsync(new("7"), new() { StreamingCount = count, AdditionalProperties = new() { [ImageProperty.Previews] = previews } });
    }

    [Fact]
    public async Task Each_step_is_an_activity_of_its_drawing()
    {
        var seen = new System.Collections.Concurrent.ConcurrentQueue<Activity>();
        using var caller = new Activity("test");
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Specializer.Extensions.AI",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = seen.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        caller.Start();
        await _generator.GenerateAsync(new("7"));
        caller.Stop();

        // Other tests may draw beside this one: what follows from this request is told by its links and parents.
        Activity request = Assert.Single(seen, a => a.OperationName == "specializer.generate" && a.ParentId == caller.Id);
        Activity drawing = Assert.Single(seen, a => a.OperationName == "specializer.draw" && a.Links.Any(l => l.Context == request.Context));
        Assert.Equal(Enumerable.Range(1, ((SamplerDescription)_generator.GetService(typeof(SamplerDescription))!).Steps.Count),
            seen.Where(a => a.OperationName == "specializer.step" && a.ParentSpanId == drawing.SpanId).Select(a => (int)a.GetTagItem("specializer.step")!));
    }

    [Fact]
    public async Task What_comes_with_an_image_draws_it_again()
    {
        ImageGenerationResponse[] together = await Task.WhenAll(_generator.GenerateAsync(new("1")), _generator.GenerateAsync(new("4")), _generator.GenerateAsync(new("7")));

        foreach (DataContent image in together.Select(r => Assert.IsType<DataContent>(Assert.Single(r.Contents))))
        {
            ImageGenerationResponse again = await _generator.GenerateAsync(new($"{image.AdditionalProperties![ImageProperty.Label]}"), new() { AdditionalProperties = image.AdditionalProperties });
            Assert.Equal(image.Data.ToArray(), Assert.IsType<DataContent>(again.Contents[0]).Data.ToArray());
        }
    }

    [Fact]
    public async Task A_prompt_is_a_number_a_name_or_nothing()
    {
        string message = (await Assert.ThrowsAsync<ArgumentException>(() => _generator.GenerateAsync(new("a red heart")))).Message;
        Assert.Contains("'a red heart'", message, StringComparison.Ordinal);
        Assert.Contains("0 to 10, or a name: Seven, one", message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ArgumentException>(() => _generator.GenerateAsync(new("11")));
        await Assert.ThrowsAsync<ArgumentException>(() => _generator.GenerateAsync(new("-1")));
        ImageBatch none = (ImageBatch)(await _generator.GenerateAsync(new())).RawRepresentation!;
        Assert.Equal(_generator.GetService<SamplerDescription>()!.NullLabel, none.Ids[0].Label);
    }

    [Fact]
    public void It_says_what_it_is()
    {
        Assert.Same(_generator, _generator.GetService<SpecializerImageGenerator>());
        Assert.Equal(("specializer", "mnist"), (_generator.GetService<ImageGeneratorMetadata>()!.ProviderName, _generator.GetService<ImageGeneratorMetadata>()!.DefaultModelId));
        Assert.Null(_generator.GetService<SpecializerImageGenerator>("key"));
        Assert.Null(_generator.GetService<string>());
    }

    [Fact]
    public void Options_that_do_not_fit_are_refused_and_the_sampler_is_freed()
    {
        MnistSampler? loaded = null;
        using ServiceProvider services = new ServiceCollection()
            .AddSpecializerImageGenerator(_ => loaded = MnistSampler.Load(), options => options.LabelNames = new Dictionary<string, int> { ["eleven"] = 11 })
            .BuildServiceProvider();

        Assert.Contains("'eleven'", Assert.Throws<ArgumentException>(() => services.GetRequiredService<IImageGenerator>()).Message, StringComparison.Ordinal);
        Assert.Throws<ObjectDisposedException>(() => loaded!.CreateSession());
        using MnistSampler sampler = MnistSampler.Load();
        Assert.Throws<ArgumentOutOfRangeException>(() => new SpecializerImageGenerator(sampler, new() { QueueCapacity = 0 }));
    }
}
