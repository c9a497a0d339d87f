namespace Specializer.Formats;

// The file that it stands for has no buffer and so nothing that its finalizer would write or close.
/// <summary>A file whose every read and every change is announced, and whose reads give less than was asked for, as reads may. Without a buffer: what is announced is what the system is asked for.</summary>
internal sealed class ObservedFile(FileStream file, FileAccess access, string path, Action<DiskOperation, string> before) : FileStream(file.SafeFileHandle, access, 1)
{
    // The overloads for spans and single bytes come here, too.
    public override int Read(byte[] buffer, int offset, int count)
    {
        before(DiskOperation.Read, path);
        return base.Read(buffer, offset, count > 1 ? count - 1 : count);
    }

    public override void Write(byte[] buffer, int offset, int count)
    {
        int head = count / 2;
        before(DiskOperation.WriteHead, path);
        base.Write(buffer, offset, head);
        base.Flush();
        before(DiskOperation.WriteTail, path);
        base.Write(buffer, offset + head, count - head);
        base.Flush();
    }

    // Cuts off, or takes room: either may fail.
    public override void SetLength(long value)
    {
        before(DiskOperation.WriteHead, path);
        base.SetLength(value);
    }
}
