namespace Specializer.Gallery.Tests;

/// <summary>A fact that needs a Chromium of the system; skipped, with the reason, where there is none.</summary>
internal sealed class BrowserFactAttribute : FactAttribute
{
    private static readonly string[] s_names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "msedge"];

    public BrowserFactAttribute()
    {
        if (Browser is null) Skip = $"No browser on the path ({string.Join(", ", s_names)}); the variable CHROMIUM may name one.";
    }

    /// <summary>The browser's path; null without one.</summary>
    public static string? Browser { get; } = Environment.GetEnvironmentVariable("CHROMIUM") is { Length: > 0 } named ? named
        : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(folder => s_names.Select(name => Path.Combine(folder, OperatingSystem.IsWindows() ? name + ".exe" : name))).FirstOrDefault(File.Exists);
}
