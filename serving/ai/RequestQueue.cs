namespace Specializer.Extensions.AI;

/// <summary>Requests in the order they came, of which a batch takes the first and whatever goes with it.</summary>
/// <param name="capacity">Requests that may wait.</param>
internal sealed class RequestQueue(int capacity) : IDisposable
{
    private readonly LinkedList<QueuedRequest> _waiting = new();
    // Counts arrivals; a batch that takes several leaves counts too many, which wake the drawing thread for nothing.
    private readonly SemaphoreSlim _arrivals = new(0);
    private bool _closed;

    /// <summary>Appends a request.</summary>
    /// <exception cref="ImageQueueFullException">As many wait as may.</exception>
    /// <exception cref="ObjectDisposedException">The queue is closed.</exception>
    public void Add(QueuedRequest request)
    {
        lock (_waiting)
        {
            ObjectDisposedException.ThrowIf(_closed, typeof(SpecializerImageGenerator));
            if (_waiting.Count >= capacity) throw new ImageQueueFullException(capacity);
            _waiting.AddLast(request);
            _arrivals.Release();
        }
    }

    /// <summary>Takes a request out that nobody waits for any more; nothing if it is out already.</summary>
    public void Remove(QueuedRequest request)
    {
        lock (_waiting) _waiting.Remove(request);
    }

    /// <summary>Waits for requests and takes a batch of them.</summary>
    /// <param name="capacity">Evaluations at once.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public Batch Take(int capacity, CancellationToken cancellation)
    {
        while (true)
        {
            _arrivals.Wait(cancellation);
            lock (_waiting)
            {
                if (_waiting.First is not { } first) continue;
                _waiting.RemoveFirst();
                var batch = new Batch(first.Value, capacity);
                for (LinkedListNode<QueuedRequest>? node = _waiting.First, next; node is not null; node = next)
                {
                    next = node.Next;
                    if (batch.TryJoin(node.Value)) _waiting.Remove(node);
                }

                return batch;
            }
        }
    }

    /// <summary>Takes no more requests, and fails those that wait.</summary>
    public void Dispose()
    {
        lock (_waiting)
        {
            _closed = true;
            foreach (QueuedRequest request in _waiting) request.Fail(new ObjectDisposedException(nameof(SpecializerImageGenerator)));
            _waiting.Clear();
        }
    }
}
