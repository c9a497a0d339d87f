using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Specializer.Cluster;
using Specializer.ClusterSilo;
using Specializer.Generated.Tests;

// A silo until it is stopped. Says "ready" when it takes calls. Settings as --name=value.
HostApplicationBuilder builder = Host.CreateApplicationBuilder(args);
IConfiguration settings = builder.Configuration;
builder.Logging.SetMinimumLevel(LogLevel.Warning);
builder.AddSpecializerSilo(
    silo =>
    {
        silo.Samplers.Add(settings["altered"] == "true" ? StandInSampler.Altered : settings.GetValue<double>("pace") is > 0 and var pace ? StandInSampler.Paced(pace) : MnistSampler.Load);
        silo.Threads = 1;
        silo.Store = new FolderPictureStore(settings["store"]!);
        silo.UnitTime = TimeSpan.FromSeconds(settings.GetValue("unit", 1.0));
        silo.LeaseTime = TimeSpan.FromSeconds(settings.GetValue("lease", 4.0));
    },
    connection =>
    {
        connection.SiloPort = settings.GetValue<int>("silo-port");
        connection.GatewayPort = settings.GetValue<int>("gateway-port");
        connection.Primary = settings.GetValue<int>("primary-port") is > 0 and var port ? new(IPAddress.Loopback, port) : null;
        connection.PostgreSql = settings["postgres"];
        connection.HealthPort = settings.GetValue<int>("health-port");
        connection.Secret = settings["secret"];
        if (settings["certificate"] is { } file) connection.Certificate = X509CertificateLoader.LoadPkcs12FromFile(file, null);
    });
if (settings["activities"] == "true") ActivityPrinter.Start();
using IHost host = builder.Build();
await host.StartAsync();
Console.WriteLine("ready");
await host.WaitForShutdownAsync();
