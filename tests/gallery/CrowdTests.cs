using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;

namespace Specializer.Gallery.Tests;

/// <summary>A thousand pages at once: some read slowly, some go away in the middle of what they asked for.</summary>
[Collection(nameof(RunningGallery))]
[Trait("Duration", "Long")]
public sealed class CrowdTests(RunningGallery gallery)
{
    private const int Pages = 1000, Waiting = 100;

    [Fact]
    public async Task Every_page_is_answered_and_the_next_one_as_if_none_had_been_there()
    {
        await using WebApplication app = GalleryServer.Create(gallery.Model, RunningGallery.Settings with { Pause = TimeSpan.Zero, Queue = Waiting, Patience = TimeSpan.FromSeconds(2) });
        await app.StartAsync();
        var address = new Uri(app.Urls.First());
        using var client = new HttpClient { BaseAddress = address, Timeout = TimeSpan.FromMinutes(10) };
        await Draw(client, seed: 1);

        string[] outcomes = await Task.WhenAll(Enumerable.Range(0, Pages).Select(page => Task.Run(() => (page % 4) switch
        {
            0 => Leave(address, page),
            1 => Follow(client, page, TimeSpan.FromMilliseconds(20)),
            2 => Follow(client, page, pause: null),
            _ => Follow(client, page, TimeSpan.Zero),
        })));

        Assert.All(outcomes, o => Assert.Contains(o, (string[])["left", "full", "done", "cancelled"]));
        Assert.Contains("full", outcomes);
        Assert.Contains("done", outcomes);
        Assert.Equal(await Draw(client, seed: 2), Frame.Png(gallery.Model.Quantized.Sample(new() { Seed = 2, Labels = [7] }),
            new("Software", "Specializer"), new("parameters", $"7\nSteps: {gallery.Model.Description.Steps.Count}, CFG scale: {gallery.Model.Description.Guidance}, Seed: 2, Size: 28x28, Model: {gallery.Model.Description.Name}, Precision: quantized")));
    }

    /// <summary>Asks for a drawing and its events, and closes the connection, often before an answer or within it.</summary>
    private static async Task<string> Leave(Uri address, int page)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(address.Host, address.Port);
        string body = $$"""{"prompt": "{{page % 10}}", "seed": {{page}}}""";
        string request = $"POST /drawings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}";
        await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes(page % 8 == 0 ? request[..(page % request.Length)] : request));
        if (page % 16 == 4) await socket.GetStream().ReadExactlyAsync(new byte[64]);
        // With a reset instead of a farewell.
        socket.LingerState = new(enable: true, seconds: 0);
        return "left";
    }

    /// <summary>Asks for a drawing and reads its events to the end.</summary>
    /// <param name="client">The page.</param>
    /// <param name="page">Its number.</param>
    /// <param name="pause">After each kilobyte that it reads; null for a page that leaves after the first.</param>
    private static async Task<string> Follow(HttpClient client, int page, TimeSpan? pause)
    {
        using HttpResponseMessage entered = await client.PostAsJsonAsync("/drawings", new { prompt = $"{page % 10}", seed = page });
        if (entered.StatusCode == HttpStatusCode.TooManyRequests) return "full";
        Assert.Equal(HttpStatusCode.Created, entered.StatusCode);
        string id = (await entered.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetString()!;
        using HttpResponseMessage events = await client.GetAsync($"/drawings/{id}/events", HttpCompletionOption.ResponseHeadersRead);
        // A slow computer may have forgotten it by now: others came after it.
        if (events.StatusCode == HttpStatusCode.NotFound) return "cancelled";
        await using Stream stream = await events.Content.ReadAsStreamAsync();
        var text = new StringBuilder();
        byte[] part = new byte[1024];
        for (int read; (read = await stream.ReadAsync(part)) > 0;)
        {
            text.Append(Encoding.UTF8.GetString(part, 0, read));
            if (pause is not { } time) return "left";
            if (time > TimeSpan.Zero) await Task.Delay(time);
        }

        string last = text.ToString()[text.ToString().LastIndexOf("data: ", StringComparison.Ordinal)..];
        return JsonDocument.Parse(last["data: ".Length..].TrimEnd()).RootElement.GetProperty("state").GetString()!;
    }

    /// <summary>Draws one picture, and fetches its file.</summary>
    private static async Task<byte[]> Draw(HttpClient client, int seed)
    {
        while (true)
        {
            using HttpResponseMessage entered = await client.PostAsJsonAsync("/drawings", new { prompt = "7", seed });
            if (entered.StatusCode == HttpStatusCode.Created)
            {
                string id = (await entered.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetString()!;
                // Given up by the gallery where this page came late to it.
                if ((await client.GetStringAsync($"/drawings/{id}/events")).Contains("\"done\"", StringComparison.Ordinal)) return await client.GetByteArrayAsync($"/drawings/{id}/quantized.png");
            }

            await Task.Delay(20);
        }
    }
}
