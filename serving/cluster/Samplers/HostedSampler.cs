using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Specializer.Extensions.AI;

namespace Specializer.Cluster;

/// <summary>A sampler of this silo, with what it draws known and its speed measured.</summary>
internal sealed class HostedSampler : IDisposable
{
    /// <summary>Longer ones tell the speed without a further drawing.</summary>
    private static readonly TimeSpan s_longProbe = TimeSpan.FromSeconds(5);

    /// <summary>Weight of the latest drawing in the speed.</summary>
    private const double Latest = 0.2;

    private readonly string _weightsHash, _device;
    private readonly LabelPromptSampler _prompts;
    private readonly SemaphoreSlim _turn = new(1);
    private readonly Lazy<SpecializerImageGenerator> _generator;
    private double _speed;

    private HostedSampler(Sampler sampler)
    {
        (_weightsHash, _device) = (sampler.WeightsHash, sampler.Device is CpuDevice cpu ? $"CPU, {cpu.Threads} threads" : sampler.Device.GetType().Name);
        _prompts = new(sampler, owned: true, new Dictionary<string, int>(), capacity: 0);
        Identity = new(sampler.Description.Name, Probe());
        _generator = new(() => new(new TurnTakingSampler(_prompts, _turn), new SpecializerImageGeneratorOptions()));
    }

    /// <summary>Which pictures it draws.</summary>
    public SamplerIdentity Identity { get; }

    /// <summary>Draws requests, those that wait together; takes turns with <see cref="Draw"/>.</summary>
    public SpecializerImageGenerator Generator => _generator.Value;

    /// <summary>Pictures a second.</summary>
    public double Speed => Volatile.Read(ref _speed);

    /// <summary>What the silo says of it.</summary>
    public SamplerOffer Offer => new(Identity, _weightsHash, RuntimeVersion, _device, Speed);

    /// <summary>Loads a sampler and draws with it.</summary>
    /// <param name="load">Gives it on a device.</param>
    /// <param name="device">The silo's.</param>
    public static HostedSampler Load(Func<Device, Sampler> load, Device device)
    {
        Sampler sampler = load(device);
        try
        {
            return new(sampler);
        }
        catch
        {
            sampler.Dispose();
            throw;
        }
    }

    /// <summary>A prompt that the model can draw.</summary>
    public string AnyPrompt => _prompts.Description.Classes > 0 ? "0" : "";

    /// <summary>Pictures that are drawn at once.</summary>
    public int BatchImages(float guidance) => Math.Max(1, guidance == 1f ? _prompts.Capacity : _prompts.Capacity / 2);

    /// <summary>The guidance scale that a request without one means.</summary>
    public float Guidance(float? asked) => asked ?? _prompts.Description.Guidance;

    /// <summary>Draws pictures, one call at a time, on a thread that the silo's own calls do not wait for.</summary>
    /// <exception cref="ArgumentException">A prompt, or the guidance, does not fit the model.</exception>
    public async Task<ImageBatch> Draw(IReadOnlyList<string> prompts, ulong seed, long firstImage, float guidance, CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return await Task.Factory.StartNew(() =>
            {
                long start = Stopwatch.GetTimestamp();
                ImageBatch images = _prompts.Draw([.. prompts.Select((p, i) => new ImageRequest(_prompts.Read(p), 1, seed, firstImage + i, guidance))], Telemetry.Steps(), previews: null, cancellation);
                double speed = images.Count / Math.Max(1e-6, Stopwatch.GetElapsedTime(start).TotalSeconds);
                Volatile.Write(ref _speed, Latest * speed + (1 - Latest) * Speed);
                return images;
            }, cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose()
    {
        if (_generator.IsValueCreated) _generator.Value.Dispose();
        _prompts.Dispose();
        _turn.Dispose();
    }

    private static string RuntimeVersion => typeof(Sampler).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    /// <summary>Draws a few pictures, which tell weights, literals and arithmetic from others, and measures the speed.</summary>
    private string Probe()
    {
        SamplerDescription d = _prompts.Description;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(_weightsHash));
        int drawn = Draw(2, d.Guidance);
        if (d.GuidanceMaximum != d.Guidance) drawn += Draw(1, d.GuidanceMaximum);
        // The first drawing also compiled the code.
        long start = Stopwatch.GetTimestamp();
        drawn = Draw(1, d.Guidance);
        TimeSpan taken = Stopwatch.GetElapsedTime(start);
        string identity = Convert.ToHexStringLower(hash.GetHashAndReset());
        if (taken < s_longProbe)
        {
            start = Stopwatch.GetTimestamp();
            drawn = Draw(BatchImages(d.Guidance), d.Guidance);
            taken = Stopwatch.GetElapsedTime(start);
        }

        _speed = drawn / Math.Max(1e-6, taken.TotalSeconds);
        return identity;

        int Draw(int count, float guidance)
        {
            ImageRequest[] requests = [.. Enumerable.Range(0, count).Select(i => new ImageRequest(new(d.Classes == 0 ? -1 : i % d.Classes), 1, Seed: 0, FirstImage: i, guidance))];
            hash.AppendData(MemoryMarshal.AsBytes(_prompts.Draw(requests, steps: null, previews: null, CancellationToken.None).Pixels.Span));
            return count;
        }
    }
}
