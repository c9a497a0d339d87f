using Microsoft.Extensions.Options;

namespace Specializer.Cluster;

/// <summary>The samplers of this silo. Loaded and measured before it takes calls: one that does not load ends the silo's start.</summary>
internal sealed class SamplerHost(IOptions<SpecializerSiloOptions> options) : ILifecycleParticipant<ISiloLifecycle>, IDisposable
{
    private readonly SpecializerSiloOptions _options = options.Value;
    private readonly List<HostedSampler> _samplers = [];
    private Device? _device;

    /// <summary>All of them.</summary>
    public IReadOnlyList<HostedSampler> Samplers => _samplers;

    /// <summary>The one that draws these pictures; null when there is none here.</summary>
    public HostedSampler? Find(string hash) => _samplers.Find(s => s.Identity.Hash == hash);

    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(nameof(SamplerHost), ServiceLifecycleStage.ApplicationServices, Load, Unload);

    public void Dispose() => Unload();

    private Task Load(CancellationToken cancellation) => Task.Run(() =>
    {
        _device = _options.Device?.Invoke() ?? new CpuDevice(_options.Threads);
        foreach (Func<Device, Sampler> load in _options.Samplers)
        {
            cancellation.ThrowIfCancellationRequested();
            _samplers.Add(HostedSampler.Load(load, _device));
        }
    }, cancellation);

    private Task Unload(CancellationToken cancellation)
    {
        Unload();
        return Task.CompletedTask;
    }

    private void Unload()
    {
        foreach (HostedSampler sampler in _samplers) sampler.Dispose();
        _samplers.Clear();
        _device?.Dispose();
        _device = null;
    }
}
