using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;

namespace Specializer.Gallery.Tests;

/// <summary>Tests of pages in the system's browser. Where the variable SPECIALIZER_SCREENSHOTS names a folder, it gets pictures of the pages to look at.</summary>
public abstract class BrowserTests : IAsyncLifetime
{
    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public async Task InitializeAsync()
    {
        if (BrowserFactAttribute.Browser is null) return;
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = BrowserFactAttribute.Browser });
    }

    public async Task DisposeAsync()
    {
        if (_browser is not null) await _browser.DisposeAsync();
        _playwright?.Dispose();
    }

    protected async Task<IPage> NewPage(ColorScheme scheme, int width, string? address = null)
    {
        IBrowserContext context = await _browser!.NewContextAsync(new() { ColorScheme = scheme, ViewportSize = new() { Width = width, Height = 900 }, BaseURL = address });
        return await context.NewPageAsync();
    }

    /// <summary>The page is accessible and not cut.</summary>
    protected static async Task Fit(IPage page, string name, ColorScheme scheme, int width)
    {
        AxeResult found = await page.RunAxe();
        AxeResultItem[] serious = [.. found.Violations.Where(v => v.Impact is "serious" or "critical")];
        Assert.True(serious.Length == 0, string.Join('\n', serious.Select(v => $"{v.Id}: {v.Help}: {string.Join(", ", v.Nodes.Select(n => n.Html))}")));
        Assert.True(await page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= innerWidth"), $"At {width} pixels the page has to be moved sideways.");
        if (Environment.GetEnvironmentVariable("SPECIALIZER_SCREENSHOTS") is { Length: > 0 } folder)
            await page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"{name}-{scheme.ToString().ToLowerInvariant()}-{width}.png"), FullPage = true });
    }
}
