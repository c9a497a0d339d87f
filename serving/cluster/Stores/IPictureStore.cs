namespace Specializer.Cluster;

/// <summary>Where jobs put their pictures: all silos see the same one. A file belongs to a job and has a name without folders.</summary>
public interface IPictureStore
{
    /// <summary>Reads a file.</summary>
    /// <param name="job">The job's name.</param>
    /// <param name="name">The file's name.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Its content; null when there is none.</returns>
    /// <exception cref="IOException">The store does not answer.</exception>
    ValueTask<byte[]?> ReadAsync(string job, string name, CancellationToken cancellationToken);

    /// <summary>Writes a file, in one piece or not at all; replaces one that is there.</summary>
    /// <param name="job">The job's name.</param>
    /// <param name="name">The file's name.</param>
    /// <param name="content">Its bytes.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="IOException">The store does not take it.</exception>
    ValueTask WriteAsync(string job, string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken);

    /// <summary>Names of a job's files that begin with a text, in any order.</summary>
    /// <param name="job">The job's name.</param>
    /// <param name="prefix">The text.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="IOException">The store does not answer.</exception>
    ValueTask<IReadOnlyList<string>> ListAsync(string job, string prefix, CancellationToken cancellationToken);

    /// <summary>Removes a file, if it is there.</summary>
    /// <param name="job">The job's name.</param>
    /// <param name="name">The file's name.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="IOException">The store does not answer.</exception>
    ValueTask DeleteAsync(string job, string name, CancellationToken cancellationToken);
}
