using System.Globalization;
using System.Net;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.Extensions.Primitives;

namespace Specializer.Gallery;

/// <summary>The page and what it talks to, on the loopback addresses alone.</summary>
internal static class GalleryServer
{
    // Nothing from elsewhere, nothing inline, and pictures only as the data that the page received.
    private const string Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private const int LargestRequest = 4096;

    private static readonly (string Path, string File, string Type)[] s_page =
    [
        ("/", "index.html", "text/html; charset=utf-8"), ("/gallery.css", "gallery.css", "text/css; charset=utf-8"),
        ("/gallery.js", "gallery.js", "text/javascript; charset=utf-8"), ("/icon.svg", "icon.svg", "image/svg+xml"),
    ];

    /// <summary>An application that is not started yet.</summary>
    public static WebApplication Create(GalleryModel model, GallerySettings settings)
    {
        // No command line and no environment: neither may open other addresses.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new() { ApplicationName = typeof(GalleryServer).Assembly.GetName().Name });
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = LargestRequest;
            kestrel.Listen(IPAddress.Loopback, settings.Port);
        });
        builder.Logging.AddSimpleConsole().SetMinimumLevel(LogLevel.Warning);
        builder.Services.AddRoutingCore().AddSingleton(model).AddSingleton(settings).AddSingleton<Studio>().AddHostedService(s => s.GetRequiredService<Studio>());
        builder.Services.ConfigureHttpJsonOptions(json => json.SerializerOptions.PropertyNamingPolicy = JsonNamingPolicy.CamelCase);
        WebApplication app = builder.Build();
        app.Use(Guard);
        app.UseRouting();
        foreach (var (path, file, type) in s_page)
        {
            byte[] content = Resource(file);
            app.MapGet(path, () => Results.Bytes(content, type));
        }

        app.MapGet("/model", () => Describe(model));
        app.MapPost("/drawings", Enter);
        app.MapGet("/drawings/{id}", (string id, Studio studio) => studio.Find(id) is { } drawing ? Results.Json(Describe(drawing)) : Unknown());
        app.MapGet("/drawings/{id}/events", Events);
        app.MapDelete("/drawings/{id}", (string id, Studio studio) =>
        {
            if (studio.Find(id) is not { } drawing) return Unknown();
            drawing.Cancel();
            return Results.NoContent();
        });
        app.MapGet("/drawings/{id}/quantized.png", (string id, Studio studio) => Picture(id, float32: false, studio, model));
        app.MapGet("/drawings/{id}/fp32.png", (string id, Studio studio) => Picture(id, float32: true, studio, model));
        return app;
    }

    /// <summary>Refuses other hosts' names, which a page elsewhere could have resolved to this computer, and requests that such a page sent.</summary>
    private static Task Guard(HttpContext context, RequestDelegate next)
    {
        IHeaderDictionary headers = context.Response.Headers;
        headers.ContentSecurityPolicy = Policy;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers.CacheControl = "no-store";
        bool known = context.Request.Host.Host is "localhost" or "127.0.0.1";
        StringValues site = context.Request.Headers["Sec-Fetch-Site"];
        bool foreign = site.Count != 0 && site != "same-origin" && (site != "none" || !HttpMethods.IsGet(context.Request.Method));
        // A link from elsewhere may open the page itself.
        if (known && (!foreign || (HttpMethods.IsGet(context.Request.Method) && context.Request.Path == "/"))) return next(context);
        context.Response.StatusCode = StatusCodes.Status403Forbidden;
        return Task.CompletedTask;
    }

    private static async Task<IResult> Enter(HttpContext context, GalleryModel model, Studio studio)
    {
        // Forms of other pages cannot send this type without being asked for it first.
        if (!context.Request.HasJsonContentType()) return Results.Problem("Send application/json.", statusCode: StatusCodes.Status415UnsupportedMediaType);
        DrawingRequest? request;
        try
        {
            request = await context.Request.ReadFromJsonAsync<DrawingRequest>(context.RequestAborted);
        }
        catch (JsonException)
        {
            return Results.Problem("The request is no drawing: {\"prompt\": \"7\", \"seed\": 1, \"guidance\": 2} is one.", statusCode: StatusCodes.Status400BadRequest);
        }

        try
        {
            if (request is null) return Results.Problem("The request is empty.", statusCode: StatusCodes.Status400BadRequest);
            if (studio.Enter(request) is { } drawing) return Results.Json(Describe(drawing), statusCode: StatusCodes.Status201Created);
        }
        catch (ArgumentException e)
        {
            return Results.Problem(e.Message, statusCode: StatusCodes.Status400BadRequest);
        }

        context.Response.Headers.RetryAfter = "1";
        return Results.Problem("Other drawings are waiting already. Try again in a moment.", statusCode: StatusCodes.Status429TooManyRequests);
    }

    private static IResult Events(string id, Studio studio, HttpContext context)
    {
        if (studio.Find(id) is not { } drawing) return Unknown();
        _ = int.TryParse(context.Request.Headers["Last-Event-ID"], out int seen);
        return TypedResults.ServerSentEvents(Stream(drawing, Math.Max(0, seen), context.RequestAborted));
    }

    private static async IAsyncEnumerable<SseItem<object>> Stream(Drawing drawing, int seen, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (Frame? frame in drawing.Follow(seen, cancellationToken))
        {
            yield return frame is null ? new(new { }, "waiting") : new(frame, "step") { EventId = frame.Step.ToString(CultureInfo.InvariantCulture) };
        }

        yield return new(Describe(drawing), "end");
    }

    private static IResult Picture(string id, bool float32, Studio studio, GalleryModel model)
    {
        if (studio.Find(id) is not { State: DrawingState.Done } drawing || drawing.Images.Count <= (float32 ? 1 : 0)) return Unknown();
        byte[] png = Frame.Png(drawing.Images[float32 ? 1 : 0], new("Software", "Specializer"), new("parameters", drawing.Parameters(model.Description, float32)));
        string subject = new([.. (drawing.Request.Prompt ?? "").Trim().ToLowerInvariant().Take(40).Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-')]);
        return Results.Bytes(png, "image/png", FormattableString.Invariant($"{subject}-seed-{drawing.Options.Seed}-{(float32 ? "fp32" : "quantized")}.png"));
    }

    private static object Describe(GalleryModel model)
    {
        SamplerDescription d = model.Description;
        return new
        {
            d.Name, d.Width, d.Height, steps = d.Steps.Count, d.Guidance, d.GuidanceMinimum, d.GuidanceMaximum, model.Examples, asks = model.TakesPrompts ? "prompt" : d.Classes > 0 ? "label" : "nothing", reference = model.Float32 is not null,
            bytes = d.WeightBytes, float32Bytes = d.Float32Bytes, d.BitOperationsSaved,
        };
    }

    private static object Describe(Drawing drawing) => new
    {
        drawing.Id, state = drawing.State.ToString().ToLowerInvariant(), prompt = drawing.Request.Prompt?.Trim(), drawing.Request.Seed, drawing.Request.Guidance,
    };

    private static IResult Unknown() => Results.Problem("There is no such drawing here: the gallery was started anew, or it was long ago.", statusCode: StatusCodes.Status404NotFound);

    private static byte[] Resource(string name)
    {
        using Stream stream = typeof(GalleryServer).Assembly.GetManifestResourceStream(name)!;
        using var content = new MemoryStream();
        stream.CopyTo(content);
        return content.ToArray();
    }
}
