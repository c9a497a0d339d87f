using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using Specializer.Cluster;

namespace Specializer.Tool;

/// <summary><c>specializer cluster</c>: several silos as processes of this machine, each started again when it ends.</summary>
internal static class ClusterCommand
{
    private const int MostSilos = 64;

    /// <summary>Before a silo is started again, and for a silo to stop by itself.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(2), s_patience = TimeSpan.FromSeconds(30);

    private sealed record Settings(string? App, string Store, IPAddress Address, int Port, int GatewayPort, int HealthPort, int Threads, string? Postgres);

    public static Command Create()
    {
        var silos = new Option<int>("--silos") { Description = "Number of silos.", DefaultValueFactory = _ => 3 };
        silos.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && int.TryParse(token.Value, out int count) && count is < 1 or > MostSilos) result.AddError($"--silos must lie between 1 and {MostSilos}.");
        });
        var app = new Option<FileInfo>("--app") { HelpName = "dll", Description = "The program, or the library, whose samplers the silos run; none for silos that only hand out calibrations." };
        var postgres = new Option<string?>("--postgres") { HelpName = "connection", Description = "Connection string of a PostgreSQL database that keeps silos and jobs; its tables are created. Without it they are kept in the silos' memory." };
        var store = new Option<DirectoryInfo>("--store") { HelpName = "folder", Description = "Folder for pictures.", DefaultValueFactory = _ => new("pictures") };
        var address = SiloCommand.Address("--address", "Address to listen on; nobody outside this machine can reach the default.");
        var port = SiloCommand.Port("--port", "Port of the first silo for the others; the next ones have the next.", 11111);
        var gateway = SiloCommand.Port("--gateway-port", "Port of the first silo for clients.", 30000);
        var health = SiloCommand.Port("--health-port", "Port of the first silo that answers GET /health; 0 for none.", 0);
        var threads = new Option<int>("--threads") { Description = "CPU threads of each silo; 0 to share all processors.", };
        var command = new Command("cluster", "Runs several silos on this machine, until it is stopped.") { silos, app, postgres, store, address, port, gateway, health, threads };
        command.SetAction((result, cancellation) =>
        {
            int count = result.GetValue(silos);
            string? connection = result.GetValue(postgres) ?? Environment.GetEnvironmentVariable(SiloCommand.PostgresVariable);
            return Run(count, new(result.GetValue(app)?.FullName, result.GetRequiredValue(store).FullName, result.GetRequiredValue(address), result.GetValue(port), result.GetValue(gateway), result.GetValue(health),
                result.GetValue(threads) is > 0 and var some ? some : Math.Max(1, Environment.ProcessorCount / count), connection), cancellation);
        });
        return command;
    }

    private static async Task<int> Run(int count, Settings settings, CancellationToken cancellation)
    {
        if (settings.App is not null && !File.Exists(settings.App))
        {
            Console.Error.WriteLine($"error: '{settings.App}' is missing. Build the program first.");
            return ExitCode.BadInput;
        }

        try
        {
            if (settings.Postgres is { } postgres) await PostgreSqlSchema.CreateAsync(postgres, cancellation);
        }
        catch (Exception e) when (e is System.Data.Common.DbException or InvalidOperationException or ArgumentException)
        {
            Console.Error.WriteLine($"error: the database cannot be used: {e.Message}");
            return ExitCode.BadInput;
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        // Without a database the first silo keeps the list of the others: they begin when it is there.
        var first = new TaskCompletionSource();
        Task<int>[] silos = [.. Enumerable.Range(0, count).Select(i => Keep(i, settings, first, stop))];
        int[] codes = await Task.WhenAll(silos);
        return codes.Max();
    }

    /// <summary>Starts a silo, and again when it ends.</summary>
    private static async Task<int> Keep(int index, Settings settings, TaskCompletionSource first, CancellationTokenSource stop)
    {
        try
        {
            if (index > 0) await first.Task.WaitAsync(stop.Token);
            while (true)
            {
                int code = await RunSilo(index, settings, first, stop.Token);
                if (stop.IsCancellationRequested) return ExitCode.Success;
                bool hopeless = code == ExitCode.BadInput || (index == 0 && settings.Postgres is null);
                Console.Error.WriteLine($"Silo {index} ended with {code}{(hopeless ? index == 0 && settings.Postgres is null ? ": it kept the list of the others, and the cluster ends with it. With --postgres it would be started again." : "." : "; it is started again.")}");
                if (hopeless)
                {
                    await stop.CancelAsync();
                    return code == 0 ? ExitCode.Failed : code;
                }

                await Task.Delay(s_pause, stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            return ExitCode.Success;
        }
    }

    private static async Task<int> RunSilo(int index, Settings settings, TaskCompletionSource first, CancellationToken cancellation)
    {
        string tool = typeof(ClusterCommand).Assembly.Location;
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardInput = true, RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(start.FileName).Equals("dotnet", StringComparison.OrdinalIgnoreCase)) start.ArgumentList.Add(tool);
        foreach (string argument in (string[])
        [
            "silo", "--until-input-ends", .. settings.App is null ? [] : new[] { "--app", settings.App }, "--store", settings.Store, "--address", $"{settings.Address}", "--port", Text(settings.Port + index), "--gateway-port", Text(settings.GatewayPort + index),
            "--health-port", Text(settings.HealthPort == 0 ? 0 : settings.HealthPort + index), "--primary-port", Text(index == 0 ? 0 : settings.Port), "--threads", Text(settings.Threads),
        ]) start.ArgumentList.Add(argument);
        if (settings.Postgres is { } postgres) start.Environment[SiloCommand.PostgresVariable] = postgres;
        using Process process = Process.Start(start)!;
        process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is null) return;
            if (line.Data == "ready") first.TrySetResult();
            Console.WriteLine(line.Data == "ready" ? $"Silo {index} is ready: silos {settings.Address}:{settings.Port + index}, clients {settings.Address}:{settings.GatewayPort + index}." : $"silo {index}: {line.Data}");
        };
        process.BeginOutputReadLine();
        try
        {
            await process.WaitForExitAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            process.StandardInput.Close();
            if (!process.WaitForExit(s_patience)) process.Kill();
        }

        await process.WaitForExitAsync(CancellationToken.None);
        return process.ExitCode;

        static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
    }
}
