using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Configuration;
using Orleans.Runtime.Hosting;
using Orleans.Serialization;
using Orleans.Storage;
using Specializer.Cluster;

namespace Microsoft.Extensions.Hosting;

/// <summary>Makes a program a silo that runs generated samplers, or a client of such silos.</summary>
public static class SpecializerClusterExtensions
{
    private const string Provider = "Npgsql";

    /// <summary>Adds a silo: a member of a cluster, which runs samplers for jobs and requests.</summary>
    /// <param name="builder">The program.</param>
    /// <param name="configure">Says which samplers: <c>silo =&gt; silo.Samplers.Add(MnistSampler.Load)</c>.</param>
    /// <param name="connect">Says where; null for a cluster on this machine alone.</param>
    /// <returns>The builder, for further calls.</returns>
    /// <exception cref="ArgumentException">A setting is out of range.</exception>
    public static IHostApplicationBuilder AddSpecializerSilo(this IHostApplicationBuilder builder, Action<SpecializerSiloOptions> configure, Action<ClusterConnection>? connect = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(configure);
        var options = new SpecializerSiloOptions();
        configure(options);
        options.Check();
        ClusterConnection connection = Connection(connect);
        builder.Services.AddSingleton(connection);
        // Before Orleans, whose start takes as long as the samplers take to load.
        if (connection.HealthPort > 0) builder.Services.AddHostedService<HealthEndpoint>();
        builder.UseOrleans(silo =>
        {
            silo.AddActivityPropagation();
            ConnectionSecurity.Secure(silo, connection);
            Connect(silo, connection);
            silo.Configure<ExceptionSerializationOptions>(TellOfTheStore);
            silo.Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = (connection.ClusterId, connection.ClusterId));
            // A silo that is lost is known to be within 10 seconds.
            silo.Configure<ClusterMembershipOptions>(o => (o.ProbeTimeout, o.NumMissedProbesLimit) = (TimeSpan.FromSeconds(2), 3));
            silo.AddIncomingGrainCallFilter<SilosOnlyFilter>();
            silo.Services.AddPlacementDirector<OnNamedSilo, OnNamedSiloDirector>();
            silo.AddGrainDirectory(NoDirectory.Name, (_, _) => new NoDirectory());
            // By default a silo that stops tells its clients, and hangs up at once.
            silo.Configure<SiloMessagingOptions>(o => o.ClientGatewayShutdownNotificationTimeout = TimeSpan.FromSeconds(1));
            silo.Configure<EndpointOptions>(o => (o.AdvertisedIPAddress, o.SiloPort, o.GatewayPort) = (connection.Address, connection.SiloPort, connection.GatewayPort));
        });
        builder.Services.AddSingleton(Options.Options.Create(options));
        builder.Services.AddSingleton(options.Store);
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<SiloTable>();
        builder.Services.AddSingleton<RequestsInHand>();
        builder.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(services => services.GetRequiredService<RequestsInHand>());
        builder.Services.AddSingleton<SamplerHost>();
        builder.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(services => services.GetRequiredService<SamplerHost>());
        builder.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>, RenderWorker>();
        builder.Services.AddSingleton<SpecializerCluster>();
        return builder;
    }

    /// <summary>Adds a client: <see cref="SpecializerCluster"/> gives silos work.</summary>
    /// <param name="builder">The program.</param>
    /// <param name="connect">Says where the silos are; null for a cluster on this machine.</param>
    /// <returns>The builder, for further calls. The program's start fails with <see cref="ClusterRefusedException"/> where silos do not let it in.</returns>
    /// <exception cref="ArgumentException">A setting is out of range.</exception>
    public static IHostApplicationBuilder AddSpecializerClient(this IHostApplicationBuilder builder, Action<ClusterConnection>? connect = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ClusterConnection connection = Connection(connect);
        var admission = new ClientAdmission();
        ServiceDescriptor[] before = [.. builder.Services.Where(s => s.ServiceType == typeof(IHostedService))];
        builder.UseOrleansClient(client =>
        {
            client.AddActivityPropagation();
            ConnectionSecurity.Secure(client, connection, admission);
            client.Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = (connection.ClusterId, connection.ClusterId));
            if (connection.PostgreSql is { } postgres) client.UseAdoNetClustering(o => (o.Invariant, o.ConnectionString) = (Provider, postgres));
            else client.UseStaticClustering(connection.Gateways.Count > 0 ? [.. connection.Gateways] : [new(connection.Address, connection.GatewayPort)]);
            client.Configure<ExceptionSerializationOptions>(TellOfTheStore);
            client.Configure<GatewayOptions>(o => o.GatewayListRefreshPeriod = TimeSpan.FromSeconds(5));
        });
        foreach (ServiceDescriptor start in builder.Services.Where(s => s.ServiceType == typeof(IHostedService)).Except(before).ToArray()) admission.Guard(builder.Services, start);
        builder.Services.AddSingleton<SpecializerCluster>();
        return builder;
    }

    /// <summary>A silo that cannot reach its store says so: without this, its answer would fail instead, in words about serialization.</summary>
    private static void TellOfTheStore(ExceptionSerializationOptions options) => options.SupportedNamespacePrefixes.Add(Provider);

    private static ClusterConnection Connection(Action<ClusterConnection>? connect)
    {
        var connection = new ClusterConnection();
        connect?.Invoke(connection);
        ArgumentException.ThrowIfNullOrWhiteSpace(connection.ClusterId);
        if (connection.Secret is { } secret) ArgumentException.ThrowIfNullOrWhiteSpace(secret);
        if (connection.Certificate is { HasPrivateKey: false }) throw new ArgumentException("The cluster's certificate comes without its private key.", nameof(connect));
        return connection;
    }

    private static void Connect(ISiloBuilder silo, ClusterConnection connection)
    {
        if (connection.PostgreSql is { } postgres)
        {
            silo.UseAdoNetClustering(o => (o.Invariant, o.ConnectionString) = (Provider, postgres));
            // Not as JSON: the state of a job that 1,000 silos draw is written a hundred times a second.
            silo.AddAdoNetGrainStorage(ClusterStorage.Name, (Options.OptionsBuilder<AdoNetGrainStorageOptions> storage) => storage.Configure<Serializer>((o, serializer) =>
                (o.Invariant, o.ConnectionString, o.GrainStorageSerializer) = (Provider, postgres, new OrleansGrainStorageSerializer(serializer))));
        }
        else
        {
            silo.UseDevelopmentClustering(connection.Primary ?? new(connection.Address, connection.SiloPort));
            silo.AddMemoryGrainStorage(ClusterStorage.Name);
        }
    }
}
