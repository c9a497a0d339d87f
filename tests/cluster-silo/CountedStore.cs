using Specializer.Cluster;

namespace Specializer.ClusterSilo;

/// <summary>Prints each picture that is written, <c>picture NAME</c>: who counts them sees what is drawn twice.</summary>
internal sealed class CountedStore(IPictureStore store) : IPictureStore
{
    public ValueTask<byte[]?> ReadAsync(string job, string name, CancellationToken cancellationToken) => store.ReadAsync(job, name, cancellationToken);

    public async ValueTask WriteAsync(string job, string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        await store.WriteAsync(job, name, content, cancellationToken);
        if (name.EndsWith(".png", StringComparison.Ordinal)) Console.WriteLine($"picture {name}");
    }

    public ValueTask<IReadOnlyList<string>> ListAsync(string job, string prefix, CancellationToken cancellationToken) => store.ListAsync(job, prefix, cancellationToken);

    public ValueTask DeleteAsync(string job, string name, CancellationToken cancellationToken) => store.DeleteAsync(job, name, cancellationToken);
}
