using Specializer.Tests;

namespace Specializer.Packages.Tests;

/// <summary>A folder where a new user has installed the template and made a project, with a package cache of their own and no feed that answers.</summary>
internal sealed class NewApp : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, string> _environment;

    /// <param name="feed">Where the template's package lies.</param>
    /// <param name="name">Of the user's current folder.</param>
    /// <param name="packs">Packages of the SDK's own that there are besides.</param>
    public NewApp(string feed, string name, params IEnumerable<string> packs)
    {
        Place = Directory.CreateDirectory(_folder.File(name)).FullName;
        string source = Directory.CreateDirectory(_folder.File("packs")).FullName;
        foreach (string pack in packs) File.Copy(pack, Path.Combine(source, Path.GetFileName(pack)));
        File.WriteAllText(Path.Combine(Place, "nuget.config"), $"""
            <configuration><packageSources>
              <clear />
              <add key="nowhere" value="{(packs.Any() ? source : "http://127.0.0.1:9/index.json")}" allowInsecureConnections="true" />
            </packageSources></configuration>
            """);
        _environment = new()
        {
            ["DOTNET_CLI_HOME"] = _folder.File("home"), ["NUGET_PACKAGES"] = _folder.File("cache"), ["DOTNET_NOLOGO"] = "1",
            // Nobody answers, as the audit would say.
            ["NuGetAudit"] = "false",
        };
        Dotnet("new", "install", Directory.GetFiles(feed, "Specializer.Templates.*.nupkg").Single()).AssertSucceeded();
        Made = Dotnet("new", "specializer-app", "-o", "app").AssertSucceeded();
    }

    /// <summary>The user's current folder.</summary>
    public string Place { get; }

    /// <summary>What the template's command said.</summary>
    public CommandResult Made { get; }

    public CommandResult Dotnet(params string[] arguments) => Run("dotnet", arguments);

    public CommandResult Run(string program, params string[] arguments) => CommandResult.Run(Place, program, arguments, _environment);

    /// <summary>The picture that a run left, which goes.</summary>
    public byte[] TakePicture()
    {
        string path = Path.Combine(Place, "picture.png");
        byte[] picture = File.ReadAllBytes(path);
        File.Delete(path);
        return picture;
    }

    public void Dispose() => _folder.Dispose();
}
