using System.Globalization;

namespace Specializer.Generated.Tests;

/// <summary>What a program may rely on when it draws.</summary>
public sealed class SessionTests : IClassFixture<SharedSampler>
{
    private readonly MnistSampler _sampler;

    public SessionTests(SharedSampler shared) => _sampler = shared.Sampler;

    [Fact]
    public void An_image_is_the_same_alone_and_in_any_run()
    {
        using SamplerSession session = _sampler.CreateSession(3);
        ImageBatch all = session.Sample(new() { Count = 5, Seed = 9, Labels = [4] });

        ImageBatch last = session.Sample(new() { Count = 1, FirstImage = 4, Seed = 9, Labels = [4] });

        Assert.Equal(all[4].ToArray(), last[0].ToArray());
        Assert.NotEqual(all[3].ToArray(), last[0].ToArray());
        Assert.Equal(new ImageId(9, 4, 4), last.Ids[0]);
    }

    /// <summary>Requests that differ in seed, index, label and guidance, the guided ones between others.</summary>
    private static readonly SampleOptions[] s_requests =
    [
        new() { Seed = 9, FirstImage = 4, Labels = [4], Guidance = 1 }, new() { Count = 2, Seed = 1, Labels = [7, 2], Guidance = 2 }, new() { Seed = 1, FirstImage = 1L << 40, Labels = [2], Guidance = 1 },
        new() { Seed = ulong.MaxValue, Labels = [0], Guidance = 1.5f }, new() { Count = 2, Seed = 9, Labels = [5], Guidance = 1 },
    ];

    [Fact]
    public void Requests_share_batches_and_an_image_depends_on_its_own_alone()
    {
        using SamplerSession alone = _sampler.CreateSession(2);
        ImageBatch[] apart = [.. s_requests.Select(r => alone.Sample(r))];
        for (int capacity = 2; capacity <= 7; capacity++)
        {
            using SamplerSession session = _sampler.CreateSession(capacity);
            ImageBatch together = session.Sample(s_requests);

            Assert.Equal(apart.SelectMany(b => b.Ids), together.Ids);
            Assert.Equal(apart.SelectMany(b => b.Pixels.ToArray()), together.Pixels.ToArray());
        }

        using SamplerSession one = _sampler.CreateSession(1);
        SampleOptions[] unguided = [.. s_requests.Where(r => r.Guidance == 1)];
        Assert.Equal(unguided.SelectMany(r => alone.Sample(r).Pixels.ToArray()), one.Sample(unguided).Pixels.ToArray());
        Assert.Contains("capacity is 1", Assert.Throws<ArgumentException>(() => one.Sample(s_requests)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Requests_are_drawn_together_in_every_way_there_is()
    {
        float[] expected = [.. s_requests.SelectMany(r => _sampler.Sample(r).Pixels.ToArray())];
        using SamplerSession session = _sampler.CreateSession(10);
        SamplePreview? last = null;
        await foreach (SamplePreview preview in session.PreviewAsync(s_requests)) last = preview;

        Assert.Equal(expected, last!.Images.Pixels.ToArray());
        Assert.Equal(expected, _sampler.Sample(s_requests).Pixels.ToArray());
        Assert.Equal(expected, (await _sampler.SampleAsync(s_requests)).Pixels.ToArray());
        Assert.Equal(expected, (await session.SampleAsync(s_requests)).Pixels.ToArray());
    }

    [Fact]
    public void A_request_that_does_not_fit_is_named_and_none_is_drawn()
    {
        var seen = new Recorder();
        ArgumentException error = Assert.Throws<ArgumentException>(() => _sampler.Sample([.. s_requests, new() { Labels = [11] }], seen));
        Assert.Equal("Request 5: Label 11 of image 0 is outside 0 to 10.", error.Message);
        Assert.Throws<ArgumentException>(() => _sampler.Sample([]));
        Assert.Throws<ArgumentNullException>(() => _sampler.Sample([s_requests[0], null!]));
        Assert.Throws<ArgumentException>(() => _sampler.Sample([s_requests[0], new() { Count = int.MaxValue, Labels = [1] }]));
        Assert.Empty(seen.Reports);
    }

    [Fact]
    public void More_memory_than_there_is_is_an_error_that_says_how_much()
    {
        // More elements than an array can have: refused on every machine.
        var error = Assert.Throws<InsufficientMemoryException>(() => _sampler.CreateSession(int.MaxValue));
        Assert.Contains($"capacity {int.MaxValue} needs {(int.MaxValue * _sampler.Description.BytesPerImage / 1048576.0).ToString("N0", CultureInfo.InvariantCulture)} MiB", error.Message, StringComparison.Ordinal);
        using SamplerSession session = _sampler.CreateSession(1);
        Assert.Equal(1, session.Capacity);
    }

    [Fact]
    public async Task Previews_end_with_the_finished_image()
    {
        using SamplerSession session = _sampler.CreateSession(2);
        var options = new SampleOptions { Count = 2, Seed = 3, Labels = [1, 7] };
        var previews = new List<SamplePreview>();
        await foreach (SamplePreview preview in session.PreviewAsync(options)) previews.Add(preview);

        Assert.Equal(Enumerable.Range(1, _sampler.Description.Steps.Count), previews.Select(p => p.Step));
        Assert.Equal(session.Sample(options).Pixels.ToArray(), previews[^1].Images.Pixels.ToArray());
    }

    [Fact]
    public async Task Asynchronous_calls_draw_the_same_and_refuse_when_called()
    {
        using SamplerSession session = _sampler.CreateSession(2);
        var options = new SampleOptions { Count = 2, Seed = 3, Labels = [1, 7] };
        float[] expected = session.Sample(options).Pixels.ToArray();
        Assert.Equal(expected, (await session.SampleAsync(options)).Pixels.ToArray());
        ImageBatch[] queued = await Task.WhenAll(_sampler.SampleAsync(options), _sampler.SampleAsync(options));
        Assert.All(queued, images => Assert.Equal(expected, images.Pixels.ToArray()));

        var wrong = new SampleOptions { Labels = [11] };
        // Neither is awaited: what is wrong with the options is said by the call itself.
        Assert.Throws<ArgumentException>(() => { _ = session.SampleAsync(wrong); });
        Assert.Throws<ArgumentException>(() => { _ = _sampler.SampleAsync(wrong); });
        Assert.Throws<ArgumentException>(() => { _ = session.PreviewAsync(wrong); });
        Assert.Throws<ArgumentException>(() => { _ = session.PreviewAsync(new() { Count = 3, Labels = [1] }); });
    }

    [Fact]
    public async Task A_cancelled_call_gives_its_turn_back()
    {
        using var source = new CancellationTokenSource();
        var stop = new Recorder { Then = _ => source.Cancel() };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _sampler.SampleAsync(new() { Labels = [1] }, stop, source.Token));
        Assert.Equal(1, (await _sampler.SampleAsync(new() { Labels = [1] })).Count);
    }

    [Fact]
    public void Progress_is_told_once_a_step()
    {
        using SamplerSession session = _sampler.CreateSession(2);
        var seen = new Recorder();

        session.Sample(new() { Count = 3, Labels = [1] }, seen);

        int steps = _sampler.Description.Steps.Count;
        Assert.Equal(2 * steps, seen.Reports.Count);
        Assert.Equal(new SampleProgress(steps, steps, 3, 3), seen.Reports[^1]);
    }

    [Fact]
    public void Cancellation_acts_within_a_call_and_leaves_the_session_usable()
    {
        using SamplerSession session = _sampler.CreateSession(1);
        using var source = new CancellationTokenSource();
        var stop = new Recorder { Then = p => { if (p.Step == 2) source.Cancel(); } };

        Assert.Equal(source.Token, Assert.Throws<OperationCanceledException>(() => session.Sample(new() { Labels = [1] }, stop, source.Token)).CancellationToken);

        Assert.Equal(2, stop.Reports.Count);
        Assert.Equal(1, session.Sample(new() { Labels = [1] }).Count);
    }

    [Fact]
    public async Task A_cancelled_preview_names_the_callers_token_and_leaves_the_session_usable()
    {
        using SamplerSession session = _sampler.CreateSession(1);
        using var source = new CancellationTokenSource();

        var error = await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (SamplePreview preview in session.PreviewAsync(new() { Labels = [1] }, source.Token))
                if (preview.Step == 2) source.Cancel();
        });

        Assert.Equal(source.Token, error.CancellationToken);
        Assert.Equal((1, 1), (session.Capacity, session.Sample(new() { Labels = [1] }).Count));
    }

    [Fact]
    public void A_batch_holds_what_its_sizes_say()
    {
        Assert.Throws<ArgumentException>(() => new ImageBatch(new float[5], 1, 2, 1, new ImageId[2]));
        Assert.Throws<ArgumentException>(() => new ImageBatch(new float[4], -1, -2, 1, new ImageId[2]));
        Assert.Equal(2, new ImageBatch(new float[4], 1, 2, 1, new ImageId[2])[1].Length);
    }

    [Fact]
    public void More_images_than_an_array_holds_are_refused()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => _sampler.Sample(new() { Count = int.MaxValue, Labels = [1] }));
        Assert.Contains(nameof(SampleOptions.FirstImage), error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(long.MaxValue, 2)]
    public void Indices_of_images_do_not_wrap_around(long first, int count)
    {
        using SamplerSession session = _sampler.CreateSession(2);

        Assert.Throws<ArgumentException>(() => session.Sample(new() { FirstImage = first, Count = count, Labels = [1] }));
        Assert.Equal(long.MaxValue, session.Sample(new() { FirstImage = long.MaxValue, Labels = [1] }).Ids[0].Index);
    }

    [Fact]
    public void A_session_serves_one_call_at_a_time()
    {
        using SamplerSession session = _sampler.CreateSession(1);
        Exception? inner = null;
        var nested = new Recorder { Then = p => { if (p.Step == 1) inner = Record.Exception(() => session.Sample(new() { Labels = [1] })); } };

        session.Sample(new() { Labels = [1] }, nested);

        Assert.IsType<InvalidOperationException>(inner);
    }

    [Fact]
    public void A_call_that_waits_for_its_turn_hears_its_cancellation()
    {
        using var source = new CancellationTokenSource();
        Task? waiting = null;
        bool ended = false;
        var first = new Recorder
        {
            Then = p =>
            {
                if (p.Step != 1) return;
                waiting = Task.Run(() => _sampler.Sample(new() { Labels = [1] }, cancellationToken: source.Token));
                source.Cancel();
                // Ended during the first call's turn, not after it.
                ended = Task.WaitAny([waiting], TimeSpan.FromSeconds(30)) == 0;
            },
        };

        Assert.Equal(1, _sampler.Sample(new() { Labels = [1] }, first).Count);

        Assert.True(ended);
        Assert.Equal(source.Token, Assert.IsAssignableFrom<OperationCanceledException>(Record.Exception(() => waiting!.GetAwaiter().GetResult())).CancellationToken);
        Assert.Equal(1, _sampler.Sample(new() { Labels = [1] }).Count);
    }

    [Fact]
    public void A_call_from_its_own_progress_does_not_wait_for_itself()
    {
        Exception? inner = null;
        var nested = new Recorder { Then = p => { if (p.Step == 1) inner = Record.Exception(() => _sampler.Sample(new() { Labels = [1] })); } };

        _sampler.Sample(new() { Labels = [1] }, nested);

        Assert.IsType<InvalidOperationException>(inner);
    }

    [Fact]
    public void Disposing_ends_a_running_call_and_never_frees_memory_under_it()
    {
        MnistSampler sampler = MnistSampler.Load();
        SamplerSession session = sampler.CreateSession(1);
        var dispose = new Recorder { Then = p => { if (p.Step == 2) sampler.Dispose(); } };

        Assert.Throws<ObjectDisposedException>(() => session.Sample(new() { Labels = [1] }, dispose));

        Assert.Equal(2, dispose.Reports.Count);
        Assert.Throws<ObjectDisposedException>(() => sampler.CreateSession());
        Assert.Throws<ObjectDisposedException>(() => session.Sample(new() { Labels = [1] }));
        sampler.Dispose();
        session.Dispose();
    }

    [Fact]
    public async Task Disposing_from_another_thread_is_prompt()
    {
        MnistSampler sampler = MnistSampler.Load();
        SamplerSession session = sampler.CreateSession(16);
        var started = new TaskCompletionSource();
        var first = new Recorder { Then = p => started.TrySetResult() };
        Task<ImageBatch> running = Task.Run(() => session.Sample(new() { Count = 10_000, Labels = [1] }, first));
        await started.Task;

        sampler.Dispose();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => running);
    }

    [Fact]
    public async Task Sessions_share_the_weights_side_by_side()
    {
        float[] alone = _sampler.Sample(new() { Count = 1, Seed = 2, Labels = [5] }).Pixels.ToArray();

        float[][] together = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            using SamplerSession session = _sampler.CreateSession(1);
            return session.Sample(new() { Seed = 2, Labels = [5] }).Pixels.ToArray();
        })));

        Assert.All(together, pixels => Assert.Equal(alone, pixels));
    }

    [Fact]
    public void Nothing_is_allocated_per_step()
    {
        using SamplerSession session = _sampler.CreateSession(2);
        var options = new SampleOptions { Count = 2, Labels = [1] };
        session.Sample(options);
        var seen = new Allocations();

        session.Sample(options, seen);

        Assert.Equal(_sampler.Description.Steps.Count - 1, seen.PerStep.Count);
        // On a busy machine a thread may wait for another for the first time here, and the runtime makes what it waits with: once, not at each step.
        Assert.InRange(seen.PerStep.Count(bytes => bytes != 0), 0, 1);
    }

    [Theory]
    [InlineData(0, 1, null)]
    [InlineData(1, 11, null)]
    [InlineData(1, -1, null)]
    [InlineData(1, 1, 1e9f)]
    [InlineData(1, 1, float.NaN)]
    public void What_does_not_fit_is_refused(int count, int label, float? guidance)
    {
        using SamplerSession session = _sampler.CreateSession(2);

        var options = new SampleOptions { Count = count, Labels = [label], Guidance = guidance };

        Assert.Throws<ArgumentException>(() => session.Sample(options));
    }

    [Fact]
    public void A_message_names_what_the_caller_gave() =>
        Assert.Equal("Label 11 of image 0 is outside 0 to 10.", Assert.Throws<ArgumentException>(() => _sampler.Sample(new() { Labels = [11] })).Message);

    [Fact]
    public void Labels_are_one_for_all_or_one_for_each()
    {
        using SamplerSession session = _sampler.CreateSession(2);

        Assert.Throws<ArgumentException>(() => session.Sample(new() { Count = 3, Labels = [1, 2] }));
    }

    private sealed class Recorder : IProgress<SampleProgress>
    {
        public List<SampleProgress> Reports { get; } = [];
        public Action<SampleProgress>? Then { get; init; }

        public void Report(SampleProgress value)
        {
            Reports.Add(value);
            Then?.Invoke(value);
        }
    }

    private sealed class Allocations : IProgress<SampleProgress>
    {
        private long? _before;

        public List<long> PerStep { get; } = new(64);

        public void Report(SampleProgress value)
        {
            long now = GC.GetAllocatedBytesForCurrentThread();
            if (_before is { } before) PerStep.Add(now - before);
            _before = GC.GetAllocatedBytesForCurrentThread();
        }
    }
}

/// <summary>One sampler for all tests of a class, as one program would hold.</summary>
public sealed class SharedSampler : IDisposable
{
    private readonly CpuDevice _device = new(2);

    public SharedSampler() => Sampler = MnistSampler.Load(_device);

    public MnistSampler Sampler { get; }

    public void Dispose()
    {
        Sampler.Dispose();
        _device.Dispose();
    }
}
