using System.Diagnostics;

namespace Specializer.Cluster.Tests;

/// <summary>A PostgreSQL server of the test's own, on a socket in its own folder and on no network. PostgreSQL refuses to run as root: there it runs as another user.</summary>
internal sealed class PostgresServer : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("spz-pg-").FullName;

    public PostgresServer()
    {
        if (User is { } user) Run("chown", "-R", user, _root);
        Control("initdb", "--pgdata", Data, "--auth=trust", "--username=specializer", "--no-sync");
        Control("pg_ctl", "--pgdata", Data, "--wait", "--timeout=900", "--log", Path.Combine(_root, "log"), "--options", $"-c listen_addresses='' -c unix_socket_directories='{_root}' -c fsync=off", "start");
    }

    /// <summary>Why there is none here; null where there is.</summary>
    public static string? Missing { get; } = Folder is null ? "PostgreSQL (initdb, pg_ctl) is not installed." : User is "" ? "PostgreSQL does not run as root, and there is neither a user 'postgres' nor 'nobody'." : null;

    public string Connection => $"Host={_root};Username=specializer;Database=postgres;Timeout=60";

    private string Data => Path.Combine(_root, "data");

    private static string? Folder => Directory.Exists("/usr/lib/postgresql") ? Directory.GetDirectories("/usr/lib/postgresql").Select(d => Path.Combine(d, "bin")).Where(d => File.Exists(Path.Combine(d, "initdb"))).Max()
        : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').FirstOrDefault(d => File.Exists(Path.Combine(d, "initdb")));

    /// <summary>Whom it runs as; null for the tests' own user, empty where nobody can be had.</summary>
    private static string? User => Environment.UserName != "root" ? null
        : File.ReadLines("/etc/passwd").Select(l => l.Split(':')[0]).FirstOrDefault(u => u is "postgres") ?? File.ReadLines("/etc/passwd").Select(l => l.Split(':')[0]).FirstOrDefault(u => u is "nobody") ?? "";

    /// <summary>Ends all connections and comes back.</summary>
    public void Restart() => Control("pg_ctl", "--pgdata", Data, "--wait", "--timeout=900", "--mode=immediate", "--log", Path.Combine(_root, "log"), "restart");

    public void Dispose()
    {
        Control("pg_ctl", "--pgdata", Data, "--wait", "--timeout=900", "--mode=immediate", "stop");
        Directory.Delete(_root, recursive: true);
    }

    private static void Control(string program, params string[] arguments)
    {
        string path = Path.Combine(Folder!, program);
        if (User is { } user) Run("runuser", ["-u", user, "--", path, .. arguments]);
        else Run(path, arguments);
    }

    private static void Run(string program, params string[] arguments)
    {
        // The server keeps what it inherits: a pipe would never end.
        var start = new ProcessStartInfo("/bin/sh", ["-c", "exec \"$@\" >/dev/null 2>&1", "sh", program, .. arguments]) { WorkingDirectory = "/" };
        using Process process = Process.Start(start)!;
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}.");
    }
}

/// <summary>A fact that needs PostgreSQL; skipped, with the reason, where it is missing.</summary>
internal sealed class PostgresFactAttribute : FactAttribute
{
    public PostgresFactAttribute() => Skip = PostgresServer.Missing;
}
