using System.Net;
using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;

namespace Specializer.Gallery.Tests;

/// <summary>What the page talks to.</summary>
[Collection(nameof(RunningGallery))]
public sealed class ServerTests(RunningGallery gallery)
{
    private HttpClient Client => gallery.Client;

    [Fact]
    public void It_listens_on_this_computer_alone() => Assert.All(gallery.Addresses, a => Assert.True(new Uri(a).IsLoopback, a));

    [Fact]
    public async Task The_page_may_load_nothing_from_elsewhere_and_nothing_inline()
    {
        HttpResponseMessage page = await Client.GetAsync("/");
        string policy = page.Headers.GetValues("Content-Security-Policy").Single();
        Assert.StartsWith("default-src 'none'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        string html = await page.Content.ReadAsStringAsync();
        Assert.DoesNotContain("http", html, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("style=", html, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Other_pages_and_other_names_are_refused()
    {
        // A name that somebody had resolve to this computer.
        Assert.Equal(HttpStatusCode.Forbidden, (await Send(HttpMethod.Get, "/model", r => r.Headers.Host = "pictures.example")).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await Send(HttpMethod.Get, "/model", r => r.Headers.Add("Sec-Fetch-Site", "cross-site"))).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await Send(HttpMethod.Post, "/drawings", r => r.Headers.Add("Sec-Fetch-Site", "cross-site"))).StatusCode);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, (await Send(HttpMethod.Post, "/drawings", r => r.Content = new StringContent("{}", Encoding.UTF8, "text/plain"))).StatusCode);
    }

    [Theory]
    [InlineData("""{"prompt": "red heart", "seed": 1}""", "one of 0 to 9, or its name")]
    [InlineData("""{"prompt": "7", "seed": 1, "guidance": 99}""", "calibrated")]
    [InlineData("""{"prompt": "7", "seed": -1}""", "no drawing")]
    [InlineData("""{"prompt": "7",""", "no drawing")]
    [InlineData("null", "empty")]
    public async Task Wrong_requests_are_told_what_is_wrong(string request, string told)
    {
        HttpResponseMessage response = await Send(HttpMethod.Post, "/drawings", r => r.Content = new StringContent(request, Encoding.UTF8, "application/json"));
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains(told, (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_finished_picture_is_the_samplers_own_and_says_what_draws_it()
    {
        string id = await Enter("seven", seed: 5, guidance: 2);
        List<(string Type, string? Id, JsonElement Data)> events = await Follow(id);
        int steps = gallery.Model.Description.Steps.Count;
        Assert.Equal("end", events[^1].Type);
        Assert.Equal("done", events[^1].Data.GetProperty("state").GetString());
        Assert.Equal(steps, events.Count(e => e.Type == "step"));
        Assert.All(events.Where(e => e.Type == "step").Skip(1), e => Assert.True(e.Data.GetProperty("snrDb").GetDouble() > 5));

        ImageBatch expected = gallery.Model.Quantized.Sample(new() { Seed = 5, Labels = [7], Guidance = 2 });
        string parameters = $"seven\nSteps: {steps}, CFG scale: 2, Seed: 5, Size: 28x28, Model: {gallery.Model.Description.Name}, Precision: quantized";
        HttpResponseMessage picture = await Client.GetAsync($"/drawings/{id}/quantized.png");
        Assert.Equal(Frame.Png(expected, new("Software", "Specializer"), new("parameters", parameters)), await picture.Content.ReadAsByteArrayAsync());
        Assert.Equal("seven-seed-5-quantized.png", picture.Content.Headers.ContentDisposition!.FileName);
        Assert.Equal(HttpStatusCode.OK, (await Client.GetAsync($"/drawings/{id}/fp32.png")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await Client.GetAsync($"/drawings/{id}/other.png")).StatusCode);
    }

    [Fact]
    public async Task Who_comes_back_gets_the_rest()
    {
        string id = await Enter("3");
        List<(string Type, string? Id, JsonElement Data)> all = await Follow(id), rest = await Follow(id, lastEvent: "20");
        Assert.Equal(all.Where(e => e.Type == "step").Skip(20).Select(e => e.Data.GetRawText()), rest.Where(e => e.Type == "step").Select(e => e.Data.GetRawText()));
        Assert.Equal("21", rest[0].Id);
    }

    [Fact]
    public async Task The_queue_is_bounded_and_what_waits_can_be_cancelled()
    {
        var entered = new List<string>();
        HttpResponseMessage? refused = null;
        for (int i = 0; i < RunningGallery.Settings.Queue + 3 && refused is null; i++)
        {
            HttpResponseMessage response = await Client.PostAsJsonAsync("/drawings", new { prompt = "1", seed = i });
            if (response.StatusCode == HttpStatusCode.Created) entered.Add((await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetString()!);
            else refused = response;
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, refused?.StatusCode);
        Assert.NotNull(refused!.Headers.RetryAfter);
        foreach (string id in entered) Assert.Equal(HttpStatusCode.NoContent, (await Client.DeleteAsync($"/drawings/{id}")).StatusCode);
        foreach (string id in entered) Assert.Equal("cancelled", (await Follow(id))[^1].Data.GetProperty("state").GetString());
    }

    [Fact]
    public async Task What_nobody_follows_ends()
    {
        // All its pauses together last longer than it waits for a page.
        await using WebApplication impatient = GalleryServer.Create(gallery.Model, RunningGallery.Settings with { Patience = TimeSpan.FromMilliseconds(100) });
        await impatient.StartAsync();
        using var client = new HttpClient { BaseAddress = new(impatient.Urls.First()) };
        string id = await Enter(client, "2");
        string? state;
        do
        {
            await Task.Delay(50);
            state = (await client.GetFromJsonAsync<JsonElement>($"/drawings/{id}")).GetProperty("state").GetString();
        }
        while (state is "waiting" or "running");

        Assert.Equal("cancelled", state);
    }

    private Task<string> Enter(string prompt, ulong seed = 1, float? guidance = null) => Enter(Client, prompt, seed, guidance);

    private static async Task<string> Enter(HttpClient client, string prompt, ulong seed = 1, float? guidance = null)
    {
        HttpResponseMessage response = await client.PostAsJsonAsync("/drawings", new { prompt, seed, guidance });
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        return (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetString()!;
    }

    private async Task<List<(string Type, string? Id, JsonElement Data)>> Follow(string id, string? lastEvent = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/drawings/{id}/events");
        if (lastEvent is not null) request.Headers.Add("Last-Event-ID", lastEvent);
        using HttpResponseMessage response = await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
        var events = new List<(string, string?, JsonElement)>();
        await foreach (SseItem<string> item in SseParser.Create(await response.Content.ReadAsStreamAsync()).EnumerateAsync())
            events.Add((item.EventType, item.EventId, JsonDocument.Parse(item.Data).RootElement));
        return events;
    }

    private async Task<HttpResponseMessage> Send(HttpMethod method, string path, Action<HttpRequestMessage> change)
    {
        using var request = new HttpRequestMessage(method, path);
        change(request);
        return await Client.SendAsync(request);
    }
}
