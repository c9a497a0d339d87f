using System.Runtime.InteropServices;

namespace Specializer.Packages.Tests;

/// <summary>A fact about a published program; skipped, with the reason, where a package of the SDK's own that it takes is not in the package cache.</summary>
internal sealed class PublishFactAttribute : FactAttribute
{
    /// <summary>What every form but the plain one takes.</summary>
    public const string Linker = "microsoft.net.illink.tasks";

    /// <summary>The runtime, for programs that bring it along; RID stands for the platform.</summary>
    public const string Runtime = "microsoft.netcore.app.runtime.RID";

    /// <summary>The compiler to native code.</summary>
    public const string Compiler = "runtime.RID.microsoft.dotnet.ilcompiler";

    // The SDK restores these along with them.
    private static readonly string[] s_others = ["microsoft.aspnetcore.app.runtime.RID", "microsoft.dotnet.ilcompiler", "microsoft.netcore.app.runtime.nativeaot.RID"];

    private static readonly string s_cache = Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } named ? named
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    public PublishFactAttribute(params string[] packages)
    {
        if (packages.Select(PackageFile).FirstOrDefault(f => !File.Exists(f)) is { } missing)
            Skip = $"{missing} is not there: publishing any program so once, with a feed, leaves it in the package cache.";
    }

    /// <summary>Those of the packages that are here.</summary>
    public static IEnumerable<string> Packages => new[] { Linker, Runtime, Compiler }.Concat(s_others).Select(PackageFile).Where(File.Exists);

    // Of the SDK's own version.
    private static string PackageFile(string package)
    {
        string name = package.Replace("RID", RuntimeInformation.RuntimeIdentifier, StringComparison.Ordinal), version = Environment.Version.ToString();
        return Path.Combine(s_cache, name, version, $"{name}.{version}.nupkg");
    }
}
