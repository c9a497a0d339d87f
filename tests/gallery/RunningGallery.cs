using Microsoft.AspNetCore.Builder;

namespace Specializer.Gallery.Tests;

/// <summary>A gallery of the digits on a free port that takes its time, so that tests meet it in the middle of a drawing.</summary>
public sealed class RunningGallery : IAsyncLifetime
{
    internal static GallerySettings Settings { get; } = new() { Model = GallerySettings.Digits, Port = 0, Pause = TimeSpan.FromMilliseconds(25), Queue = 2, Patience = TimeSpan.FromMinutes(2) };

    private WebApplication? _app;

    internal GalleryModel Model { get; } = GalleryModel.Load(Settings);

    internal IReadOnlyCollection<string> Addresses => [.. _app!.Urls];

    internal HttpClient Client { get; private set; } = new();

    public async Task InitializeAsync()
    {
        // What would open the page to the network, were it heeded.
        Environment.SetEnvironmentVariable("ASPNETCORE_URLS", "http://0.0.0.0:0");
        _app = GalleryServer.Create(Model, Settings);
        await _app.StartAsync();
        Client = new() { BaseAddress = new(Addresses.First()) };
    }

    public async Task DisposeAsync()
    {
        Client.Dispose();
        await _app!.StopAsync();
        await _app.DisposeAsync();
        Model.Dispose();
        Environment.SetEnvironmentVariable("ASPNETCORE_URLS", null);
    }
}

/// <summary>All tests share one gallery, and take turns.</summary>
[CollectionDefinition(nameof(RunningGallery))]
public sealed class GalleryCollection : ICollectionFixture<RunningGallery>;
