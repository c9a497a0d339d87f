using Specializer.Formats;

namespace Specializer.Cluster;

/// <summary>A folder that all silos share, with a folder for each job.</summary>
/// <param name="root">The folder; created when the first file is written.</param>
public sealed class FolderPictureStore(string root) : IPictureStore
{
    private readonly string _root = Path.GetFullPath(root);

    /// <inheritdoc/>
    public ValueTask<byte[]?> ReadAsync(string job, string name, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            return new(RegularFile.ReadAll(PathOf(job, name), Array.MaxLength));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return new((byte[]?)null);
        }
    }

    /// <inheritdoc/>
    public ValueTask WriteAsync(string job, string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        string path = PathOf(job, name);
        Disk.CreateFolder(Path.GetDirectoryName(path)!);
        AtomicFile.Write(path, stream => stream.Write(content.Span));
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<string>> ListAsync(string job, string prefix, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        string folder = Path.GetDirectoryName(PathOf(job, prefix))!;
        return new(Directory.Exists(folder) ? [.. Disk.Files(folder, prefix + "*").Select(f => Path.GetFileName(f))] : []);
    }

    /// <inheritdoc/>
    public ValueTask DeleteAsync(string job, string name, CancellationToken cancellationToken)
    {
        string path = PathOf(job, name);
        if (File.Exists(path)) Disk.Delete(path);
        return ValueTask.CompletedTask;
    }

    // Both were checked where they came in; a store that is used by itself checks again.
    private string PathOf(string job, string name)
    {
        JobName.Check(job);
        if (name.Length == 0 || name is "." or ".." || name.AsSpan().IndexOfAnyExcept(s_allowed) >= 0) throw new ArgumentException($"'{name}' is no name of a file in a store.", nameof(name));
        return Path.Combine(_root, job, name);
    }

    private static readonly System.Buffers.SearchValues<char> s_allowed = System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
}
