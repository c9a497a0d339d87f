using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using Orleans.Dashboard;
using Specializer.Cluster;
using Specializer.ClusterSilo;
using Specializer.Generated.Tests;

// A silo until it is stopped. Says "ready" when it takes calls. Settings as --name=value.
IConfiguration settings = new ConfigurationBuilder().AddCommandLine(args).Build();
if (settings["activities"] == "true") ActivityPrinter.Start();
if (settings.GetValue<int>("dashboard-port") is > 0 and var port)
{
    // A web program, as docs/cluster.md has it.
    WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
    builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
    AddSilo(builder);
    builder.UseOrleans(silo => silo.AddDashboard());
    await using WebApplication app = builder.Build();
    app.MapOrleansDashboard();
    await Run(app);
}
else
{
    HostApplicationBuilder builder = Host.CreateApplicationBuilder(args);
    AddSilo(builder);
    using IHost host = builder.Build();
    await Run(host);
}

static async Task Run(IHost host)
{
    await host.StartAsync();
    Console.WriteLine("ready");
    await host.WaitForShutdownAsync();
}

void AddSilo(IHostApplicationBuilder builder)
{
    builder.Logging.SetMinimumLevel(LogLevel.Warning);
    if (settings["log"] == "true")
    {
        builder.Logging.AddFilter("Specializer", LogLevel.Debug);
        builder.Logging.AddSimpleConsole(o => (o.SingleLine, o.TimestampFormat, o.ColorBehavior) = (true, "HH:mm:ss.fff ", LoggerColorBehavior.Disabled));
    }

    builder.AddSpecializerSilo(
        silo =>
        {
            silo.Samplers.Add(settings["altered"] == "true" ? StandInSampler.Altered : settings.GetValue<double>("pace") is > 0 and var pace ? StandInSampler.Paced(pace) : MnistSampler.Load);
            silo.Threads = 1;
            var folder = new FolderPictureStore(settings["store"]!);
            silo.Store = settings["pictures"] == "true" ? new CountedStore(folder) : folder;
            silo.UnitTime = TimeSpan.FromSeconds(settings.GetValue("unit", 1.0));
            silo.LeaseTime = TimeSpan.FromSeconds(settings.GetValue("lease", 4.0));
        },
        connection =>
        {
            connection.SiloPort = settings.GetValue<int>("silo-port");
            connection.GatewayPort = settings.GetValue<int>("gateway-port");
            connection.Primary = settings.GetValue<int>("primary-port") is > 0 and var primary ? new(IPAddress.Loopback, primary) : null;
            connection.PostgreSql = settings["postgres"];
            connection.HealthPort = settings.GetValue<int>("health-port");
            connection.Secret = settings["secret"];
            if (settings["certificate"] is { } file) connection.Certificate = X509CertificateLoader.LoadPkcs12FromFile(file, null);
        });
}
