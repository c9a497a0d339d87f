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

    /// <summary>From then on nothing may be made, changed or removed, as on a disk that has become read-only.</summary>
    Denied,

    /// <summary>The file of that operation is in use by another program, as on Windows: from then on it is not opened, replaced or removed.</summary>
    InUse,

    /// <summary>The folder that is written to has gone, with all that was in it; what is open stays open. Not on Windows, where no folder goes that has open files.</summary>
    Vanished,
}

/// <summary>Stands for the end of the process: nothing catches it.</summary>
internal sealed class KilledException : Exception;

/// <summary>Counts what this flow of control does to a disk, and makes the n-th operation fail.</summary>
internal sealed class FaultyDisk : IDisposable
{
    private readonly DiskFault _fault;
    private readonly int _at;
    private readonly string? _folder;
    private readonly List<DiskOperation> _operations = [];
    private string? _used;

    /// <param name="fault">What happens.</param>
    /// <param name="at">At which operation, from 0; -1 for never.</param>
    /// <param name="folder">What vanishes, where that is what happens.</param>
    /// <param name="room">Bytes that it says to have room for, when it is asked before the work; null for what there is.</param>
    public FaultyDisk(DiskFault fault = DiskFault.Error, int at = -1, string? folder = null, long? room = null)
    {
        (_fault, _at, _folder) = (fault, at, folder);
        (Disk.Before, DiskRoom.Pretended) = (Announced, room);
    }

    /// <summary>Operations so far.</summary>
    public int Operations => _operations.Count;

    /// <summary>The operation that failed first, and its path.</summary>
    public string? Failed { get; private set; }

    public void Dispose() => (Disk.Before, DiskRoom.Pretended) = (null, null);

    /// <summary>The operations so far at which something can happen that does not happen as well at a later one: a disk that is full, say, is noticed by the next operation that takes room,
    /// and the end of the process leaves what was there before the next change.</summary>
    public int[] Places(DiskFault fault) => [.. Enumerable.Range(0, _operations.Count).Where(at => fault switch
    {
        DiskFault.Error => true,
        // A read changes nothing, and what is open stays open; to open a file may make it.
        DiskFault.Killed or DiskFault.Vanished => _operations[at] != DiskOperation.Read,
        _ => Strikes(fault, _operations[at]),
    })];

    /// <summary>All that can happen on this system.</summary>
    public static IEnumerable<DiskFault> Faults => Enum.GetValues<DiskFault>().Where(f => f != DiskFault.Vanished || !OperatingSystem.IsWindows());

    private void Announced(DiskOperation operation, string path)
    {
        int now;
        lock (_operations)
        {
            now = _operations.Count;
            _operations.Add(operation);
        }

        if (_at < 0 || now < _at || (_fault is DiskFault.Error or DiskFault.Vanished && now > _at)) return;
        if (!Strikes(_fault, operation) || (_fault == DiskFault.InUse && path != (_used ??= path))) return;
        Failed ??= $"{operation} {path}";
        switch (_fault)
        {
            case DiskFault.Error: throw new IOException($"Input/output error: '{path}'.");
            case DiskFault.Full: throw new IOException($"No space left on device: '{path}'.");
            case DiskFault.Denied: throw new UnauthorizedAccessException($"Access to the path '{path}' is denied.");
            case DiskFault.InUse: throw new IOException($"The process cannot access the file '{path}' because it is being used by another process.");
            case DiskFault.Killed: throw new KilledException();
            case DiskFault.Vanished: Directory.Delete(_folder!, recursive: true); break;
        }
    }

    private static bool Strikes(DiskFault fault, DiskOperation operation) => fault switch
    {
        DiskFault.InUse => operation is DiskOperation.Open or DiskOperation.Rename or DiskOperation.Delete or DiskOperation.Lock,
        DiskFault.Full => TakesRoom(operation),
        DiskFault.Denied => TakesRoom(operation) || operation is DiskOperation.Rename or DiskOperation.Delete,
        _ => true,
    };

    private static bool TakesRoom(DiskOperation operation) =>
        operation is DiskOperation.Create or DiskOperation.WriteHead or DiskOperation.WriteTail or DiskOperation.Sync or DiskOperation.CreateFolder or DiskOperation.Lock;
}
