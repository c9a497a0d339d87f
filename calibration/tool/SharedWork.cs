using System.CommandLine;
using System.Net;
using Specializer.Calibration;
using Specializer.Cluster;

namespace Specializer.Tool;

/// <summary>Which command a calibration is run by.</summary>
internal enum CalibrationRole
{
    /// <summary><c>calibrate</c>.</summary>
    Calibrate,
    /// <summary><c>merge</c>: writes the artefact of what shards have left.</summary>
    Merge,
    /// <summary><c>worker</c>: collects for a <c>calibrate --cluster</c>.</summary>
    Worker,
}

/// <summary>What a command says of the processes that it shares a calibration with.</summary>
/// <param name="role">The command.</param>
internal sealed class SharingOptions(CalibrationRole role)
{
    private readonly Option<Shard?> _shard = new("--shard")
    {
        HelpName = "index/count", Description = "Collect one part of the statistics, for 'merge' to put together: 0/3, 1/3 and 2/3 in three processes with the same options and folder. In a Slurm array or an indexed job of Kubernetes the count is enough.",
        CustomParser = result => Parse(result.Tokens.Single().Value, result.AddError),
    };

    private readonly Option<int> _shards = new("--shards") { HelpName = "count", Description = "Into how many shards the calibration was split.", Required = true };

    private readonly Option<IPEndPoint?> _cluster = new("--cluster")
    {
        HelpName = "address:port", Description = "Share the work with every 'worker' of the same options and folder, by leases that a silo at this address hands out (its port for clients, 30000 unless told otherwise).", Required = role == CalibrationRole.Worker,
        CustomParser = result =>
        {
            if (IPEndPoint.TryParse(result.Tokens.Single().Value, out IPEndPoint? address) && address.Port > 0) return address;
            result.AddError($"--cluster is '{result.Tokens.Single().Value}'; it must be an address and a port, like 127.0.0.1:30000.");
            return null;
        },
    };

    /// <summary>The command's options.</summary>
    public IEnumerable<Option> All => role switch { CalibrationRole.Calibrate => [_shard, _cluster], CalibrationRole.Merge => [_shards], _ => [_cluster] };

    /// <summary>Connects, where there is something to connect to.</summary>
    /// <exception cref="ArgumentException">The options contradict each other.</exception>
    /// <exception cref="IOException">No silo answers.</exception>
    public SharedWork Open(ParseResult result, CancellationToken cancellation)
    {
        if (role == CalibrationRole.Merge) return new(UnitRanges.Merge(result.GetValue(_shards)));
        Shard? shard = role == CalibrationRole.Calibrate ? result.GetValue(_shard) : null;
        if (result.GetValue(_cluster) is not { } address) return new(shard is null ? null : UnitRanges.Of(shard));
        if (shard is not null) throw new ArgumentException("--shard and --cluster are two ways to share the work; choose one.");
        return SharedWork.Connect(address, role == CalibrationRole.Calibrate, cancellation);
    }

    private static Shard? Parse(string text, Action<string> error)
    {
        try
        {
            return Shard.Parse(text, Environment.GetEnvironmentVariable);
        }
        catch (FormatException e)
        {
            error($"--shard: {e.Message}");
            return null;
        }
    }
}

/// <summary>The processes that share a calibration, as one of them sees them.</summary>
internal sealed class SharedWork : IDisposable
{
    private readonly IHost? _host;

    /// <param name="ranges">What this process collects; null for all.</param>
    public SharedWork(UnitRanges? ranges) => Ranges = ranges;

    private SharedWork(IHost host, ClusterRanges ranges) : this(ranges) => _host = host;

    /// <summary>What this process collects; null for all.</summary>
    public UnitRanges? Ranges { get; }

    /// <exception cref="IOException">No silo answers.</exception>
    public static SharedWork Connect(IPEndPoint address, bool decides, CancellationToken cancellation)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Error);
        builder.AddSpecializerClient(connection =>
        {
            connection.Gateways.Add(address);
            connection.Secret = SiloCommand.Variable(SiloCommand.SecretVariable);
            connection.Certificate = SiloCommand.Certificate();
        });
        IHost host = builder.Build();
        try
        {
            host.StartAsync(cancellation).GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            host.Dispose();
            throw new IOException($"No silo answers at {address}: {e.Message} 'specializer silo' or 'specializer cluster' starts one.", e);
        }

        return new(host, new(host.Services.GetRequiredService<SpecializerCluster>(), decides, cancellation));
    }

    /// <summary>Says that the artefact is written.</summary>
    public void End() => (Ranges as ClusterRanges)?.End();

    public void Dispose()
    {
        (Ranges as IDisposable)?.Dispose();
        if (_host is null) return;
        _host.StopAsync().GetAwaiter().GetResult();
        _host.Dispose();
    }
}
