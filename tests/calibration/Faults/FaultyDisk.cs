using Specializer.Formats;

namespace Specializer.Tests;

/// <summary>What happens to a disk.</summary>
internal enum DiskFault
{
    /// <summary>One operation fails, whichever it is.</summary>
    Error,

    /// <summary>No operation that takes room succeeds from then on; one that is under way has written half.</summary>
    Full,

    /// <summary>The process ends: nothing is done to the disk any more.</summary>
    Killed,
}

/// <summary>Stands for the end of the process: nothing catches it.</summary>
internal sealed class KilledException : Exception;

/// <summary>Counts what this flow of control does to a disk, and makes the n-th operation fail.</summary>
internal sealed class FaultyDisk : IDisposable
{
    private readonly DiskFault _fault;
    private readonly int _at;
    private int _operations;

    /// <param name="fault">What happens.</param>
    /// <param name="at">At which operation, from 0; -1 for never.</param>
    public FaultyDisk(DiskFault fault = DiskFault.Error, int at = -1)
    {
        (_fault, _at) = (fault, at);
        Disk.Before = Announced;
    }

    /// <summary>Operations so far.</summary>
    public int Operations => _operations;

    /// <summary>The operation that failed first, and its path.</summary>
    public string? Failed { get; private set; }

    public void Dispose() => Disk.Before = null;

    private void Announced(DiskOperation operation, string path)
    {
        int now = Interlocked.Increment(ref _operations) - 1;
        if (_at < 0 || now < _at || (_fault == DiskFault.Error && now > _at)) return;
        if (_fault == DiskFault.Full && operation is not (DiskOperation.Create or DiskOperation.WriteHead or DiskOperation.WriteTail or DiskOperation.Sync or DiskOperation.CreateFolder or DiskOperation.Lock)) return;
        Failed ??= $"{operation} {path}";
        throw _fault switch
        {
            DiskFault.Error => new IOException($"Input/output error: '{path}'."),
            DiskFault.Full => new IOException($"No space left on device: '{path}'."),
            _ => new KilledException(),
        };
    }
}
