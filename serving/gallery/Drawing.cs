using System.Globalization;
using System.Runtime.CompilerServices;

namespace Specializer.Gallery;

/// <summary>How far a drawing is.</summary>
internal enum DrawingState
{
    /// <summary>Others are before it.</summary>
    Waiting,

    /// <summary>Steps are being done.</summary>
    Running,

    /// <summary>All steps are done.</summary>
    Done,

    /// <summary>Somebody cancelled it, or nobody followed it.</summary>
    Cancelled,

    /// <summary>Something broke.</summary>
    Failed,
}

/// <summary>One drawing: what was asked for, and the frames so far. Any number of pages follow it, each from where it likes, so a page that is loaded again misses nothing.</summary>
internal sealed class Drawing(string id, DrawingRequest request, SampleOptions options, TimeSpan patience)
{
    private readonly Lock _lock = new();
    private readonly List<Frame> _frames = [];
    // Neither timer nor link: nothing to dispose of.
    private readonly CancellationTokenSource _stop = new();
    private TaskCompletionSource _news = New();
    private DrawingState _state;
    private int _followers;
    private long _alone = Environment.TickCount64;

    public string Id => id;

    public DrawingRequest Request => request;

    public SampleOptions Options => options;

    /// <summary>Cancelled when the drawing is to end.</summary>
    public CancellationToken Stop => _stop.Token;

    /// <summary>The finished images; the second is FP32's, where there is one.</summary>
    public IReadOnlyList<ImageBatch> Images { get; private set; } = [];

    public DrawingState State
    {
        get { lock (_lock) return _state; }
    }

    /// <summary>Whether no page has followed it for longer than it takes to load one again.</summary>
    public bool Abandoned
    {
        get { lock (_lock) return _followers == 0 && Environment.TickCount64 - _alone > patience.TotalMilliseconds; }
    }

    /// <summary>What the file of a picture says of it, in the words that viewers of generated pictures know.</summary>
    /// <param name="d">The model.</param>
    /// <param name="float32">Whether it is FP32's picture.</param>
    public string Parameters(SamplerDescription d, bool float32) => string.Create(CultureInfo.InvariantCulture,
        $"{request.Prompt?.Trim()}\nSteps: {d.Steps.Count}, CFG scale: {d.EmbeddedGuidance ?? options.Guidance ?? d.Guidance}, Seed: {options.Seed}, Size: {d.Width}x{d.Height}, Model: {d.Name}, Precision: {(float32 ? "FP32" : "quantized")}");

    /// <summary>Begins it, unless it was cancelled meanwhile.</summary>
    public void Begin() => Change(() =>
    {
        if (_state == DrawingState.Waiting) _state = DrawingState.Running;
    });

    public void Add(Frame frame) => Change(() => _frames.Add(frame));

    /// <summary>Ends it, once.</summary>
    public void End(DrawingState state, IReadOnlyList<ImageBatch>? images = null) => Change(() =>
    {
        if (_state > DrawingState.Running) return;
        Images = images ?? [];
        _state = state;
    });

    /// <summary>Asks it to end; one that waits ends at once.</summary>
    public void Cancel()
    {
        _stop.Cancel();
        if (State == DrawingState.Waiting) End(DrawingState.Cancelled);
    }

    /// <summary>Frames from one on, as they come, until the drawing ends; null while it waits, so that pages learn of it.</summary>
    /// <param name="from">Frames to leave out.</param>
    /// <param name="cancellationToken">Ends the following, not the drawing.</param>
    public async IAsyncEnumerable<Frame?> Follow(int from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        lock (_lock) _followers++;
        try
        {
            if (State == DrawingState.Waiting) yield return null;
            while (true)
            {
                Frame[] next;
                Task news;
                bool ended;
                lock (_lock)
                {
                    next = [.. _frames.Skip(from)];
                    (news, ended) = (_news.Task, _state > DrawingState.Running);
                }

                foreach (Frame frame in next) yield return frame;
                from += next.Length;
                if (ended) yield break;
                await news.WaitAsync(cancellationToken);
            }
        }
        finally
        {
            lock (_lock)
            {
                _followers--;
                _alone = Environment.TickCount64;
            }
        }
    }

    private void Change(Action change)
    {
        TaskCompletionSource news;
        lock (_lock)
        {
            change();
            (news, _news) = (_news, New());
        }

        news.SetResult();
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
