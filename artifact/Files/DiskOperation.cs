namespace Specializer.Formats;

/// <summary>What <see cref="Disk"/> does. A write is two operations, so that what fails between them is a short write.</summary>
internal enum DiskOperation
{
    Open,
    Read,
    Map,
    Create,
    WriteHead,
    WriteTail,
    Sync,
    Rename,
    Delete,
    List,
    Lock,
    CreateFolder,
    SyncFolder,
}
