using ILGPU.Runtime;

namespace Specializer.Ilgpu.Graphs;

/// <summary>Launches in the order of the calls. Emptying it keeps the entries' memory for the next ones.</summary>
internal sealed class LaunchList
{
    private readonly List<RecordedLaunch> _launches = [];

    public int Count { get; private set; }

    public void Add<TArguments>(Action<TArguments> kernel, LaunchGrid grid, in TArguments arguments)
        where TArguments : struct
    {
        if (Count == _launches.Count) _launches.Add(new RecordedLaunch<TArguments>());
        if (_launches[Count] is not RecordedLaunch<TArguments> launch) _launches[Count] = launch = new();
        launch.Set(kernel, grid, arguments);
        Count++;
    }

    public void Clear() => Count = 0;

    public void Start(KernelCache kernels, AcceleratorStream stream)
    {
        for (int i = 0; i < Count; i++) _launches[i].Start(kernels, stream);
    }

    public bool IsSame(LaunchList other)
    {
        if (Count != other.Count) return false;
        for (int i = 0; i < Count; i++)
            if (!_launches[i].IsSame(other._launches[i])) return false;
        return true;
    }
}
