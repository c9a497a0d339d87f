using System.Net;
using System.Text.Json;
using Microsoft.Extensions.Hosting;

namespace Specializer.Cluster;

/// <summary>Answers <c>GET /health</c>: 200 and what the silo can run once it takes calls, 503 before and while it stops.</summary>
internal sealed class HealthEndpoint(ClusterConnection connection, SamplerHost host, ILocalSiloDetails silo, IClusterMembershipService members, IHostApplicationLifetime lifetime) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var listener = new HttpListener { Prefixes = { $"http://{connection.Address}:{connection.HealthPort}/" } };
        listener.Start();
        using CancellationTokenRegistration stop = stoppingToken.UnsafeRegister(static state => ((HttpListener)state!).Stop(), listener);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                Answer(await listener.GetContextAsync().ConfigureAwait(false));
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException)
            {
                // Whoever asked has left; or this is the end.
            }
        }
    }

    private void Answer(HttpListenerContext context)
    {
        using HttpListenerResponse response = context.Response;
        if (context.Request.HttpMethod != "GET" || context.Request.Url?.AbsolutePath != "/health")
        {
            response.StatusCode = 404;
            return;
        }

        SiloStatus status = members.CurrentSnapshot.GetSiloStatus(silo.SiloAddress);
        bool well = lifetime.ApplicationStarted.IsCancellationRequested && !lifetime.ApplicationStopping.IsCancellationRequested && status == SiloStatus.Active;
        response.StatusCode = well ? 200 : 503;
        response.ContentType = "application/json";
        response.OutputStream.Write(JsonSerializer.SerializeToUtf8Bytes(new
        {
            silo = silo.SiloAddress.ToParsableString(), status = status.ToString(), silos = members.CurrentSnapshot.Members.Values.Count(m => m.Status == SiloStatus.Active),
            samplers = host.Samplers.Select(s => new { name = s.Identity.Name, hash = s.Identity.Hash, picturesPerSecond = s.Speed }),
        }));
    }
}
