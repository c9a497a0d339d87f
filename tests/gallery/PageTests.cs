using System.Text;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.Playwright;

namespace Specializer.Gallery.Tests;

/// <summary>The page, in the system's browser.</summary>
[Collection(nameof(RunningGallery))]
public sealed class PageTests(RunningGallery gallery) : BrowserTests
{
    private const float Patience = 120_000;

    private readonly List<string> _requests = [];
    private readonly List<string> _complaints = [];

    private string Address => gallery.Addresses.First();

    [BrowserFact]
    public async Task The_keyboard_alone_draws_and_downloads()
    {
        IPage page = await Open();
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.PressAsync("ControlOrMeta+a");
        await page.Keyboard.TypeAsync("seven");
        await page.Locator("#seed").FillAsync("5");
        await page.Locator("#seed").PressAsync("Enter");
        await Told(page, "Done:");
        foreach (string figure in new[] { "#float32 img", "#quantized img" })
            Assert.Contains("\u201cseven\u201d after step 50", await page.Locator(figure).GetAttributeAsync("alt"), StringComparison.Ordinal);
        Assert.StartsWith("The states differ by", await page.Locator("#agreement").InnerTextAsync(), StringComparison.Ordinal);

        // The steps stay to be gone through.
        await page.Locator("#step").FocusAsync();
        await page.Keyboard.PressAsync("Home");
        await page.Keyboard.PressAsync("ArrowRight");
        Assert.Equal("1 of 50", await page.Locator("#step-value").InnerTextAsync());

        await page.Locator("#download-quantized").FocusAsync();
        IDownload download = await page.RunAndWaitForDownloadAsync(() => page.Keyboard.PressAsync("Enter"));
        Assert.Equal("seven-seed-5-quantized.png", download.SuggestedFilename);
        Assert.True((await File.ReadAllBytesAsync(await download.PathAsync())).AsSpan().IndexOf(Encoding.UTF8.GetBytes("seven\nSteps: 50, CFG scale: 1, Seed: 5")) > 0);
        Clean();
    }

    [BrowserFact]
    public async Task A_drawing_can_be_cancelled_and_the_next_one_drawn()
    {
        IPage page = await Open();
        await page.Locator("#draw").ClickAsync();
        await Stepped(page, 3);
        await page.Locator("#cancel").ClickAsync();
        await Told(page, "Cancelled after");
        await Assertions.Expect(page.Locator("#cancel")).ToBeDisabledAsync();
        await page.Locator("#draw").ClickAsync();
        await Told(page, "Done:");
        Clean();
    }

    [BrowserFact]
    public async Task Two_tabs_draw_what_each_asked_for()
    {
        IPage first = await Open(), second = await Open();
        await first.Locator("#prompt").FillAsync("1");
        await second.Locator("#prompt").FillAsync("8");
        await first.Locator("#draw").ClickAsync();
        await second.Locator("#draw").ClickAsync();
        await Told(second, "Done:");
        await Told(first, "Done:");
        string?[] pictures = [.. await Task.WhenAll(new[] { first, second }.Select(p => p.Locator("#quantized img").GetAttributeAsync("src")))];
        Assert.NotEqual(pictures[0], pictures[1]);
        Assert.Contains("\u201c8\u201d", await second.Locator("#quantized img").GetAttributeAsync("alt"), StringComparison.Ordinal);
        Clean();
    }

    [BrowserFact]
    public async Task A_page_that_is_loaded_again_goes_on_with_its_drawing()
    {
        IPage page = await Open();
        await page.Locator("#prompt").FillAsync("4");
        await page.Locator("#draw").ClickAsync();
        await Stepped(page, 5);
        await page.ReloadAsync();
        await Told(page, "Done:");
        Assert.Equal("4", await page.Locator("#prompt").InputValueAsync());
        // All steps are there, also those before it was loaded.
        Assert.Equal("50", await page.Locator("#step").GetAttributeAsync("max"));
        await page.Locator("#step").FillAsync("1");
        Assert.Equal("1 of 50", await page.Locator("#step-value").InnerTextAsync());
        Clean();
    }

    [BrowserFact]
    public async Task What_cannot_be_drawn_is_said()
    {
        IPage page = await Open();
        await page.Locator("#prompt").FillAsync("red heart");
        await page.Locator("#draw").ClickAsync();
        await Told(page, "one of 0 to 9, or its name");
        await Assertions.Expect(page.Locator("#draw")).ToBeEnabledAsync();
    }

    [BrowserFact]
    public async Task Light_dark_and_narrow_are_fit_for_everyone()
    {
        foreach (var (scheme, width) in new[] { (ColorScheme.Light, 1200), (ColorScheme.Dark, 1200), (ColorScheme.Dark, 320) })
        {
            IPage page = await Open(scheme, width);
            await page.Locator("#draw").ClickAsync();
            await Told(page, "Done:");
            await Fit(page, "gallery", scheme, width);
        }

        Clean();
    }

    [BrowserFact]
    public async Task Examples_of_any_length_stay_in_their_card()
    {
        using var device = new CpuDevice();
        // Not disposed of: the sampler is the gallery's.
        var model = new GalleryModel(device, gallery.Model.Quantized, null, ["7", "strawberry", "crying face", "soccer ball", "watermelon", "light bulb", "umbrella", "flag: united arab emirates"]);
        await using WebApplication app = GalleryServer.Create(model, RunningGallery.Settings with { Reference = false });
        await app.StartAsync();
        foreach (int width in new[] { 1200, 600, 320 })
        {
            IPage page = await NewPage(ColorScheme.Light, width, app.Urls.First());
            await page.GotoAsync("/");
            await Assertions.Expect(page.Locator("#examples button")).ToHaveCountAsync(model.Examples.Count);
            Assert.True(await page.EvaluateAsync<bool>("[...document.querySelectorAll('#examples button')].every(b => b.getBoundingClientRect().right <= document.querySelector('#ask').getBoundingClientRect().right && b.scrollWidth <= b.clientWidth)"), $"{width}");
        }
    }

    [BrowserFact]
    public async Task Prompts_are_drawn_beside_FP32()
    {
        GallerySettings settings = new() { Port = 0, Patience = RunningGallery.Settings.Patience };
        using GalleryModel model = GalleryModel.Load(settings);
        await using WebApplication app = GalleryServer.Create(model, settings);
        await app.StartAsync();
        foreach (var (scheme, width) in new[] { (ColorScheme.Light, 1200), (ColorScheme.Dark, 1200), (ColorScheme.Light, 320) })
        {
            IPage page = await NewPage(scheme, width, app.Urls.First());
            await page.GotoAsync("/");
            await Assertions.Expect(page.Locator("#examples button")).ToHaveCountAsync(model.Examples.Count);
            await page.Locator("#examples button").Nth(1).ClickAsync();
            await page.Locator("#draw").ClickAsync();
            await Told(page, "Done:");
            Assert.Contains("\u201cpizza\u201d after step 25", await page.Locator("#float32 img").GetAttributeAsync("alt"), StringComparison.Ordinal);
            Assert.StartsWith("The states differ by", await page.Locator("#agreement").InnerTextAsync(), StringComparison.Ordinal);
            await Fit(page, "emoji", scheme, width);
        }

        await app.StopAsync();
    }

    private async Task<IPage> Open(ColorScheme scheme = ColorScheme.Light, int width = 1200)
    {
        IPage page = await NewPage(scheme, width, Address);
        page.Request += (_, request) => _requests.Add(request.Url);
        page.Console += (_, message) => { if (message.Type is "error" or "warning") _complaints.Add(message.Text); };
        page.PageError += (_, error) => _complaints.Add(error);
        await page.GotoAsync("/");
        await Assertions.Expect(page.Locator("#examples button")).ToHaveCountAsync(10);
        return page;
    }

    /// <summary>Nothing was asked of anybody else, and the browser had nothing to complain of.</summary>
    private void Clean()
    {
        Assert.NotEmpty(_requests);
        Assert.All(_requests, r => Assert.True(r.StartsWith(Address + "/", StringComparison.Ordinal) || r.StartsWith("data:image/png", StringComparison.Ordinal), r));
        Assert.Empty(_complaints);
    }

    private static Task Told(IPage page, string text) => Assertions.Expect(page.Locator("#status")).ToContainTextAsync(text, new() { Timeout = Patience });

    private static Task Stepped(IPage page, int step) =>
        Assertions.Expect(page.Locator("#step-value")).ToHaveTextAsync(new Regex($"^({string.Join('|', Enumerable.Range(step, 50))}) of "), new() { Timeout = Patience });
}
