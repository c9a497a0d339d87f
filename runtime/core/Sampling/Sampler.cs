using System.Reflection;
using System.Runtime.CompilerServices;

namespace Specializer;

/// <summary>Base of every generated sampler: owns the immutable weights, which any number of sessions may share. Dispose of it: weights, and threads of a device of its own, otherwise stay until the process ends.</summary>
public abstract class Sampler : IDisposable
{
    private readonly PackedWeights _packed;
    private readonly Device? _ownDevice;
    private readonly HashSet<SamplerSession> _sessions = [];

    // Held while the device makes something of the weights, so that Dispose never frees them under it.
    private readonly Lock _making = new();
    private readonly SemaphoreSlim _turn = new(1);
    private int _turnOfThread;
    private SamplerSession? _session;
    private bool _disposed;

    /// <summary>Opens and checks the packed weights of a generated sampler.</summary>
    /// <param name="description">Literals of the generated type.</param>
    /// <param name="device">Where to run; null for a <see cref="CpuDevice"/> of its own.</param>
    /// <param name="assembly">The assembly that holds the generated type and, unless they are large, its weights.</param>
    /// <param name="resource">Name of the embedded resource, or of the file beside the program.</param>
    /// <param name="weightKey">32 bytes that the weights' header must carry (docs/weights.md).</param>
    /// <exception cref="SamplerMismatchException">The weights are missing or are others.</exception>
    protected Sampler(SamplerDescription description, Device? device, Assembly assembly, string resource, ReadOnlySpan<byte> weightKey)
        : this(description, device, PackedWeights.Open(assembly, resource, weightKey, description.WeightBytes))
    {
    }

    internal Sampler(SamplerDescription description, Device? device, PackedWeights packed)
    {
        Description = description;
        _packed = packed;
        Device = device ?? (_ownDevice = new CpuDevice());
        lock (_making)
        {
            try
            {
                Device.Add(this);
                Weights = Device.Upload(packed);
            }
            catch
            {
                Device.Remove(this);
                _ownDevice?.Dispose();
                packed.Dispose();
                throw;
            }
        }
    }

    /// <summary>What this sampler was specialized on.</summary>
    public SamplerDescription Description { get; }

    /// <summary>Where it runs.</summary>
    public Device Device { get; }

    /// <summary>What names the packed weights' content (docs/weights.md), 64 lower-case hexadecimal digits. Samplers with other literals may have the same weights.</summary>
    /// <exception cref="ObjectDisposedException">The sampler was disposed of.</exception>
    public string WeightsHash
    {
        get
        {
            lock (_sessions)
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                return _packed.Digest;
            }
        }
    }

    /// <summary>Reads prompts; null where there are none, or nothing that reads them. To be set before the first call.</summary>
    public IPromptTokenizer? Tokenizer { get; set; }

    internal DeviceWeights Weights { get; }

    /// <summary>Verifies all of the weights now. Those of a large model are otherwise verified piece by piece, where a picture first needs them (docs/weights.md).</summary>
    /// <exception cref="SamplerMismatchException">They are damaged.</exception>
    /// <exception cref="ObjectDisposedException">The sampler was disposed of.</exception>
    public void VerifyWeights()
    {
        lock (_sessions)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _packed.Verify();
        }
    }

    /// <summary>A file that was packed with the weights, such as <see cref="PromptInput.Vocabulary"/>.</summary>
    /// <param name="text">Where it lies.</param>
    /// <exception cref="ArgumentOutOfRangeException">It does not lie within the packed weights.</exception>
    /// <exception cref="ObjectDisposedException">The sampler was disposed of.</exception>
    public byte[] ReadText(PackedText text)
    {
        lock (_sessions)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _packed.Read(text);
        }
    }

    /// <summary>Runs what depends on the call alone, for the current batch and before its first step: text encoders, keys and values of their texts.</summary>
    /// <param name="run">The session's memory, with the call's inputs, and operations.</param>
    protected internal virtual void Prepare(Execution run)
    {
    }

    /// <summary>Turns given pictures into states, where they are not the same. Called before the first step of a run that begins with pictures.</summary>
    /// <param name="run">The session's memory, with the pictures, and operations.</param>
    protected internal virtual void Encode(Execution run)
    {
    }

    /// <summary>Turns the state into pictures, where they are not the same. The state stays, so that further steps may follow.</summary>
    /// <param name="run">The session's memory and operations.</param>
    protected internal virtual void Decode(Execution run)
    {
    }

    /// <summary>Makes the first state; generated code overrides it.</summary>
    /// <param name="run">Where the arena lies.</param>
    protected internal abstract void RunBegin(Execution run);

    /// <summary>Runs one denoising step on the current batch: the network, the correction and the solver.</summary>
    /// <param name="step">0 to Steps − 1.</param>
    /// <param name="run">The session's memory and operations.</param>
    protected internal abstract void RunStep(int step, Execution run);

    /// <summary>What becomes of the state after the last step; nothing, unless generated code overrides it.</summary>
    /// <param name="run">Where the arena lies.</param>
    protected internal virtual void RunEnd(Execution run)
    {
    }

    /// <summary>Creates a session with buffers of its own.</summary>
    /// <param name="capacity">Images evaluated at once; 0 chooses. Guidance evaluates each image twice.</param>
    /// <exception cref="ArgumentOutOfRangeException">A negative capacity.</exception>
    /// <exception cref="ObjectDisposedException">The sampler was disposed of.</exception>
    /// <exception cref="InsufficientMemoryException">The buffers, <see cref="SamplerDescription.BytesPerImage"/> for each image, do not fit this computer's memory. GPUs report their own with an exception of theirs.</exception>
    public SamplerSession CreateSession(int capacity = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(capacity);
        if (capacity == 0) capacity = SamplerSession.DefaultCapacity(Description.BytesPerImage);
        lock (_making)
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed), this);
            SamplerSession session;
            try
            {
                // Outside the other lock: a GPU compiles its kernels here, which takes seconds.
                session = new(this, capacity);
            }
            catch (OutOfMemoryException e)
            {
                throw new InsufficientMemoryException(
                    FormattableString.Invariant($"A session of capacity {capacity} needs {capacity * Description.BytesPerImage / 1048576.0:N0} MiB, which this computer does not have free. A smaller capacity draws the same images in more batches."), e);
            }

            lock (_sessions)
            {
                if (!_disposed)
                {
                    _sessions.Add(session);
                    return session;
                }
            }

            session.Dispose();
            throw new ObjectDisposedException(GetType().FullName);
        }
    }

    /// <summary>Draws images with a session that this sampler keeps. Calls from several threads take turns; use <see cref="CreateSession"/> to run them side by side.</summary>
    /// <param name="options">What to draw; null for one image of the defaults.</param>
    /// <param name="progress">Told after each step.</param>
    /// <param name="cancellationToken">Acts while the call waits for its turn, and within a step.</param>
    /// <exception cref="ArgumentException">Count or index is out of range, or labels, tokens, inputs or guidance do not fit the model.</exception>
    /// <exception cref="InsufficientMemoryException">The session's buffers, or the images, do not fit this computer's memory.</exception>
    /// <exception cref="InvalidOperationException">The call came from <paramref name="progress"/> of another one, whose turn it still is.</exception>
    /// <exception cref="ObjectDisposedException">The sampler was disposed of, before the call or meanwhile.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    [OverloadResolutionPriority(1)]
    public ImageBatch Sample(SampleOptions? options = null, IProgress<SampleProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Sample([options ?? new()], progress, cancellationToken);

    /// <summary>Draws the images of several requests, which share batches: seeds, labels, prompts and guidance may all differ. Each image is the same as in a call of its own.</summary>
    /// <param name="requests">What to draw.</param>
    /// <returns>The images of the first request, then those of the next.</returns>
    /// <param name="progress">Told after each step.</param>
    /// <param name="cancellationToken">Acts within a step.</param>
    /// <inheritdoc cref="Sample(SampleOptions, IProgress{SampleProgress}, CancellationToken)" path="/exception"/>
    public ImageBatch Sample(IReadOnlyList<SampleOptions> requests, IProgress<SampleProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        SampleCall call = SampleCall.Of(requests, this);
        // Waiting for itself would never end.
        if (_turnOfThread == Environment.CurrentManagedThreadId)
            throw new InvalidOperationException($"This sampler is already drawing on this thread. Draw with a session of {nameof(CreateSession)} instead.");
        _turn.Wait(cancellationToken);
        return InTurn(call, progress, cancellationToken);
    }

    /// <summary>Draws images on a thread of the pool, with a session that this sampler keeps. Calls take turns; use <see cref="CreateSession"/> to run them side by side.</summary>
    /// <inheritdoc cref="Sample(SampleOptions, IProgress{SampleProgress}, CancellationToken)" path="/param"/>
    /// <inheritdoc cref="Sample(SampleOptions, IProgress{SampleProgress}, CancellationToken)" path="/exception"/>
    [OverloadResolutionPriority(1)]
    public Task<ImageBatch> SampleAsync(SampleOptions? options = null, IProgress<SampleProgress>? progress = null, CancellationToken cancellationToken = default) =>
        SampleAsync([options ?? new()], progress, cancellationToken);

    /// <summary>Draws the images of several requests, which share batches, on a thread of the pool, with a session that this sampler keeps.</summary>
    /// <inheritdoc cref="Sample(IReadOnlyList{SampleOptions}, IProgress{SampleProgress}, CancellationToken)" path="/param"/>
    /// <inheritdoc cref="Sample(IReadOnlyList{SampleOptions}, IProgress{SampleProgress}, CancellationToken)" path="/returns"/>
    /// <inheritdoc cref="Sample(SampleOptions, IProgress{SampleProgress}, CancellationToken)" path="/exception"/>
    public Task<ImageBatch> SampleAsync(IReadOnlyList<SampleOptions> requests, IProgress<SampleProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        SampleCall call = SampleCall.Of(requests, this);
        return Wait();

        async Task<ImageBatch> Wait()
        {
            await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
            return await Task.Run(() => InTurn(call, progress, cancellationToken), CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>Draws, and passes the turn on.</summary>
    private ImageBatch InTurn(SampleCall call, IProgress<SampleProgress>? progress, CancellationToken cancellationToken)
    {
        try
        {
            _turnOfThread = Environment.CurrentManagedThreadId;
            _session ??= CreateSession();
            return _session.Draw(call, progress, cancellationToken);
        }
        finally
        {
            _turnOfThread = 0;
            _turn.Release();
        }
    }

    /// <summary>Frees weights and all sessions. Calls that are running end within their current operation, with <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose()
    {
        SamplerSession[] sessions;
        lock (_sessions)
        {
            _disposed = true;
            sessions = [.. _sessions];
        }

        // Whoever comes second waits as well, for what comes after may free more.
        foreach (SamplerSession session in sessions) session.Dispose();
        Device.Remove(this);
        lock (_making)
        {
            // None, where the device that disposes of this could not take them.
            Weights?.Dispose();
            _ownDevice?.Dispose();
            _packed.Dispose();
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>A session that was disposed of needs no disposing with the sampler.</summary>
    internal void Forget(SamplerSession session)
    {
        lock (_sessions) _sessions.Remove(session);
    }
}
