using Microsoft.Playwright;
using Specializer.Calibration.Tests;
using Specializer.Tests;

namespace Specializer.Gallery.Tests;

/// <summary>The page that an evaluation writes, in the system's browser.</summary>
public sealed class ReportPageTests : BrowserTests
{
    [BrowserFact]
    public async Task A_report_is_fit_for_everyone_and_its_pictures_turn_to_FP32()
    {
        using var folder = new TemporaryFolder();
        using (FileStream file = File.Create(folder.File("report.html"))) HtmlReport.Write(SyntheticReport.Create(), file);
        foreach (var (scheme, width) in new[] { (ColorScheme.Light, 1200), (ColorScheme.Dark, 1200), (ColorScheme.Light, 320) })
        {
            IPage page = await NewPage(scheme, width);
            await page.GotoAsync(new Uri(folder.File("report.html")).AbsoluteUri);
            await Fit(page, "report", scheme, width);
            ILocator picture = page.Locator(".pictures li").First, float32 = picture.Locator(".float32");
            await Assertions.Expect(float32).ToHaveCSSAsync("opacity", "0");
            await picture.HoverAsync();
            await Assertions.Expect(float32).ToHaveCSSAsync("opacity", "1");
            await page.Mouse.MoveAsync(0, 0);
            await page.Locator("#flip").CheckAsync();
            await Assertions.Expect(page.Locator(".pictures li").Nth(1).Locator(".float32")).ToHaveCSSAsync("opacity", "1");
        }
    }
}
