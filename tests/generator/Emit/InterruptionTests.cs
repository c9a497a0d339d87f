using System.Text.RegularExpressions;

namespace Specializer.Generator.Tests;

/// <summary>Calls that are cancelled, and samplers and sessions that are disposed of, before each operation of each step: what comes after is as if nothing had happened.</summary>
public sealed partial class InterruptionTests
{
    private static readonly string s_manifest = new ManifestBuilder { Size = 4, Steps = 3, Classes = 3, EmbeddingWidth = 16, Guided = true }.WithEveryOperation().ToString();
    private static readonly SampleOptions s_options = new() { Count = 2, Seed = 5, Labels = [1], Guidance = 2 };

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_call_cancelled_before_any_operation_does_none_of_the_rest_and_the_next_draws_the_same(int threads)
    {
        using var device = new CpuDevice(threads);
        using Sampler sampler = Load(device, out Action<Action?> before);
        using SamplerSession session = sampler.CreateSession(4);
        int operations = 0;
        before(() => operations++);
        float[] expected = session.Sample(s_options).Pixels.ToArray();
        Assert.True(operations > 3 * 20, $"{operations} operations.");

        for (int at = 0; at < operations; at++)
        {
            using var source = new CancellationTokenSource();
            int seen = 0;
            before(() =>
            {
                if (seen++ == at) source.Cancel();
            });
            Assert.Equal(source.Token, Assert.Throws<OperationCanceledException>(() => session.Sample(s_options, cancellationToken: source.Token)).CancellationToken);
            Assert.Equal(at + 1, seen);

            before(null);
            Assert.Equal(expected, session.Sample(s_options).Pixels.ToArray());
        }
    }

    [Theory]
    [InlineData("session")]
    [InlineData("sampler")]
    [InlineData("device")]
    public async Task Disposing_before_any_operation_ends_the_call_and_frees_nothing_under_it(string what)
    {
        using var first = new CpuDevice(2);
        CpuDevice device = first;
        using Sampler counted = Load(device, out Action<Action?> before);
        int operations = 0;
        using (SamplerSession session = counted.CreateSession(4))
        {
            before(() => operations++);
            session.Sample(s_options);
            before(null);
        }

        Sampler sampler = counted;
        for (int at = 0; at < operations; at += what == "session" ? 1 : 7)
        {
            if (what == "device") device = new(2);
            if (what != "session") sampler = Load(device, out before);
            SamplerSession session = sampler.CreateSession(4);
            int seen = 0;
            Task? disposing = null;
            before(() =>
            {
                if (seen++ != at) return;
                using var begun = new ManualResetEventSlim();
                disposing = Task.Run(() =>
                {
                    begun.Set();
                    (what switch { "session" => session, "sampler" => sampler, _ => (IDisposable)device }).Dispose();
                });
                begun.Wait();
            });
            // Whichever comes first: the rest of the operations, or the other thread.
            Exception? ended = Record.Exception(() => session.Sample(s_options));
            Assert.True(ended is null or ObjectDisposedException, ended?.ToString());
            await disposing!;
            Assert.Throws<ObjectDisposedException>(() => session.Sample(s_options));
            before(null);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(16)]
    public async Task Sessions_side_by_side_draw_the_same_on_any_number_of_threads(int threads)
    {
        byte[] weights = CompiledSampler.Pack(s_manifest);
        using Sampler alone = CompiledSampler.Load(s_manifest, weights);
        float[] expected = alone.Sample(s_options).Pixels.ToArray();
        using var device = new CpuDevice(threads);
        using Sampler sampler = CompiledSampler.Load(s_manifest, weights, device: device);

        float[][] drawn = await Task.WhenAll(Enumerable.Range(0, threads + 1).Select(i => Task.Run(() =>
        {
            using SamplerSession session = sampler.CreateSession(2 + i % 3);
            return session.Sample(s_options).Pixels.ToArray();
        })));

        Assert.All(drawn, pixels => Assert.Equal(expected, pixels));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Samplers_and_sessions_that_are_made_while_all_is_disposed_of_are_whole_or_none(bool ofDevice)
    {
        byte[] weights = CompiledSampler.Pack(s_manifest);
        Type type;
        using (Sampler made = CompiledSampler.Load(s_manifest, weights)) type = made.GetType();
        for (int round = 0; round < 20; round++)
        {
            using var device = new CpuDevice(2);
            using Sampler sampler = Load();
            using var start = new Barrier(3);
            Task<Exception>[] made = [.. new Action[] { Make, Make }.Select(make => Task.Run(() =>
            {
                start.SignalAndWait();
                return Record.Exception(make);
            }))];
            start.SignalAndWait();
            Thread.SpinWait(round * 2000);
            if (ofDevice) device.Dispose();
            else sampler.Dispose();
            Assert.All(await Task.WhenAll(made), e => Assert.True(e is null or ObjectDisposedException, e?.ToString()));
            Assert.Throws<ObjectDisposedException>(() => sampler.CreateSession());
            Assert.Throws<ObjectDisposedException>(() => sampler.WeightsHash);

            void Make()
            {
                for (int i = 0; i < 1000; i++)
                {
                    Sampler own = ofDevice ? Load() : sampler;
                    using SamplerSession session = own.CreateSession(2);
                    session.Sample(s_options);
                }
            }

            Sampler Load() => (Sampler)type.GetMethod("Load")!.CreateDelegate<Func<Device?, Sampler>>()(device);
        }
    }

    /// <summary>A sampler that says before each operation that it comes.</summary>
    /// <param name="device">Where it runs.</param>
    /// <param name="before">Sets what is done then; null for nothing.</param>
    private static Sampler Load(Device device, out Action<Action?> before)
    {
        Sampler sampler = CompiledSampler.Load(s_manifest, CompiledSampler.Pack(s_manifest), device: device, edit: source =>
            Operations().Replace(source, "Probe.Next?.Invoke(); run.") + "\n#pragma warning disable CS1591\npublic static class Probe { public static global::System.Action? Next; }");
        before = action => sampler.GetType().Assembly.GetType("Consumer.Probe")!.GetField("Next")!.SetValue(null, action);
        return sampler;
    }

    [GeneratedRegex(@"(?<=^ +)run\.", RegexOptions.Multiline)]
    private static partial Regex Operations();
}
