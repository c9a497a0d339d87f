using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Specializer.Cluster;

/// <summary>Starts a client, and ends the start where no silo lets it in: by itself Orleans would ask again for ever.</summary>
internal sealed class ClientAdmission
{
    /// <summary>Connections that end before the client has started. One may be a silo's that stops just then.</summary>
    private const int MostEnds = 3;

    private readonly TaskCompletionSource _refused = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _started;
    private volatile Exception? _reason;
    private int _begun, _ends;

    /// <summary>Follows the client's connections; the outermost of their steps.</summary>
    public void Follow(IConnectionBuilder builder) => builder.Use(next => async connection =>
    {
        Interlocked.Increment(ref _begun);
        try
        {
            await next(connection).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _reason = e;
            throw;
        }
        finally
        {
            if (!_started && Interlocked.Increment(ref _ends) == MostEnds) _refused.TrySetResult();
        }
    });

    /// <summary>Says why a connection ended that nothing was thrown for.</summary>
    public void Refused(string reason) => _reason = new ConnectionAbortedException(reason);

    /// <summary>Puts itself in the place of Orleans' own start.</summary>
    /// <param name="services">The program's services.</param>
    /// <param name="start">Orleans' start.</param>
    public void Guard(IServiceCollection services, ServiceDescriptor start)
    {
        services.Remove(start);
        services.AddSingleton<IHostedService>(provider => new GuardedStart(
            (IHostedService)(start.ImplementationFactory?.Invoke(provider) ?? start.ImplementationInstance ?? ActivatorUtilities.CreateInstance(provider, start.ImplementationType!)), this));
    }

    private ClusterRefusedException Refusal(Exception? failure) => new(
        $"The cluster does not let this client in{((_reason ?? failure) is { } reason ? $": {reason.Message}" : ".")} {nameof(ClusterConnection.Secret)}, {nameof(ClusterConnection.Certificate)} and {nameof(ClusterConnection.ClusterId)} must be those of its silos.", _reason ?? failure);

    private sealed class GuardedStart(IHostedService client, ClientAdmission admission) : IHostedService
    {
        public async Task StartAsync(CancellationToken cancellationToken)
        {
            Task starting = client.StartAsync(cancellationToken);
            if (await Task.WhenAny(starting, admission._refused.Task).WaitAsync(cancellationToken).ConfigureAwait(false) != starting) throw admission.Refusal(null);
            try
            {
                await starting.ConfigureAwait(false);
            }
            catch (Exception e) when (Volatile.Read(ref admission._begun) > 0 && e is not OperationCanceledException)
            {
                // Somebody answered: it is not that there is no silo.
                throw admission.Refusal(e);
            }

            admission._started = true;
        }

        public Task StopAsync(CancellationToken cancellationToken) => client.StopAsync(cancellationToken);
    }
}
