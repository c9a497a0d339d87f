using System.CommandLine;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Specializer.Cluster;
using Specializer.Formats;

namespace Specializer.Tool;

/// <summary><c>specializer silo</c>: a member of a cluster that runs a program's samplers.</summary>
internal static class SiloCommand
{
    /// <summary>What nobody should read off a list of processes comes by these environment variables.</summary>
    public const string PostgresVariable = "SPECIALIZER_CLUSTER_POSTGRES", SecretVariable = "SPECIALIZER_CLUSTER_SECRET", CertificateVariable = "SPECIALIZER_CLUSTER_CERTIFICATE";

    private const int LargestCertificate = 1 << 20;

    public static Command Create()
    {
        var app = new Option<FileInfo>("--app") { HelpName = "dll", Description = "The program, or the library, whose samplers the silo runs; none for a silo that only hands out calibrations." };
        var store = new Option<DirectoryInfo>("--store") { HelpName = "folder", Description = "Folder that all silos share, for pictures.", DefaultValueFactory = _ => new("pictures") };
        var address = Address("--address", "Address to listen on, for silos and clients; nobody outside this machine can reach the default.");
        var port = Port("--port", "Port for other silos.", 11111);
        var gateway = Port("--gateway-port", "Port for clients.", 30000);
        var health = Port("--health-port", "Port that answers GET /health; 0 for none.", 0);
        var primary = new Option<int>("--primary-port") { Description = "Without a database: port of the silo on the same address that keeps the list of silos; 0 for this one." };
        var cluster = new Option<string>("--cluster-id") { Description = "Name of the cluster.", DefaultValueFactory = _ => "specializer" };
        var threads = new Option<int>("--threads") { Description = "CPU threads; 0 for all." };
        var child = new Option<bool>("--until-input-ends") { Hidden = true };
        var command = new Command("silo", $"Runs a program's samplers for a cluster, until it is stopped. {PostgresVariable}, {SecretVariable} and {CertificateVariable} in the environment give the database's connection string, the cluster's secret and its certificate.")
        {
            app, store, address, port, gateway, health, primary, cluster, threads, child,
        };
        command.SetAction(async (result, cancellation) =>
        {
            try
            {
                return await Run(
                    result.GetValue(app)?.FullName, result.GetRequiredValue(store).FullName, result.GetValue(threads), result.GetValue(child),
                    connection =>
                    {
                        connection.Address = result.GetRequiredValue(address);
                        (connection.SiloPort, connection.GatewayPort, connection.HealthPort) = (result.GetValue(port), result.GetValue(gateway), result.GetValue(health));
                        connection.Primary = result.GetValue(primary) is > 0 and var p ? new(connection.Address, p) : null;
                        connection.ClusterId = result.GetRequiredValue(cluster);
                        connection.PostgreSql = Variable(PostgresVariable);
                        connection.Secret = Variable(SecretVariable);
                        connection.Certificate = Certificate();
                    },
                    cancellation);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.Data.Common.DbException or InvalidOperationException or ArgumentException or BadImageFormatException or SamplerMismatchException or CryptographicException)
            {
                Console.Error.WriteLine($"error: {ExitCode.Message(e)}");
                return ExitCode.BadInput;
            }
        });
        return command;
    }

    /// <summary>An option for a port.</summary>
    public static Option<int> Port(string name, string description, int absent)
    {
        var option = new Option<int>(name) { Description = description, DefaultValueFactory = _ => absent };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && int.TryParse(token.Value, out int port) && port is < 0 or > 65535) result.AddError($"{name} must lie between 0 and 65535.");
        });
        return option;
    }

    /// <summary>An option for an address.</summary>
    public static Option<IPAddress> Address(string name, string description) => new(name)
    {
        Description = description,
        DefaultValueFactory = _ => IPAddress.Loopback,
        CustomParser = result =>
        {
            if (IPAddress.TryParse(result.Tokens.Single().Value, out IPAddress? address)) return address;
            result.AddError($"{name} is '{result.Tokens.Single().Value}'; it must be an address like 127.0.0.1.");
            return IPAddress.Loopback;
        },
    };

    /// <summary>An environment variable; null where there is none.</summary>
    public static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    /// <summary>The cluster's certificate with its key; null where the environment names none.</summary>
    /// <exception cref="IOException">The file cannot be read, or holds none.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public static X509Certificate2? Certificate()
    {
        if (Variable(CertificateVariable) is not { } file) return null;
        byte[] content = RegularFile.ReadAll(file, LargestCertificate);
        try
        {
            return X509CertificateLoader.LoadPkcs12(content, null);
        }
        catch (CryptographicException e)
        {
            throw new IOException($"'{file}' holds no certificate that can be used: {e.Message} {CertificateVariable} names a PKCS #12 file without a password.", e);
        }
    }

    private static async Task<int> Run(string? app, string store, int threads, bool child, Action<ClusterConnection> connect, CancellationToken cancellation)
    {
        if (Variable(PostgresVariable) is { } postgres) await PostgreSqlSchema.CreateAsync(postgres, cancellation);
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.AddSpecializerSilo(
            silo =>
            {
                foreach (Func<Device, Sampler> sampler in app is null ? [] : SamplerAssembly.Load(app)) silo.Samplers.Add(sampler);
                silo.Threads = threads;
                silo.Store = new FolderPictureStore(store);
            }, connect);
        using IHost host = builder.Build();
        await host.StartAsync(cancellation);
        Console.WriteLine("ready");
        if (child)
        {
            // Whoever started this process holds the other end: however it ends, so does this.
            _ = Task.Run(() =>
            {
                while (Console.In.Read() >= 0)
                {
                }

                ((IHostApplicationLifetime)host.Services.GetService(typeof(IHostApplicationLifetime))!).StopApplication();
            }, CancellationToken.None);
        }

        await host.WaitForShutdownAsync(cancellation);
        return ExitCode.Success;
    }
}
