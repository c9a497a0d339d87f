using ILGPU.Runtime;

namespace Specializer.Ilgpu.Graphs;

/// <summary>A launch that waits, or that a graph repeats.</summary>
internal abstract class RecordedLaunch
{
    public abstract void Start(KernelCache kernels, AcceleratorStream stream);

    /// <summary>The same kernel with the same grid and arguments.</summary>
    public abstract bool IsSame(RecordedLaunch other);
}

/// <inheritdoc cref="RecordedLaunch"/>
internal sealed class RecordedLaunch<TArguments> : RecordedLaunch
    where TArguments : struct
{
    private Action<TArguments>? _kernel;
    private LaunchGrid _grid;
    private TArguments _arguments;

    public void Set(Action<TArguments> kernel, LaunchGrid grid, in TArguments arguments)
    {
        _kernel = kernel;
        _grid = grid;
        _arguments = arguments;
    }

    public override void Start(KernelCache kernels, AcceleratorStream stream) => kernels.Launch(_kernel!, stream, _grid, _arguments);

    public override bool IsSame(RecordedLaunch other) => other is RecordedLaunch<TArguments> o && ReferenceEquals(_kernel, o._kernel) && _grid == o._grid
        && BitEquality<TArguments>.AreSame(ref _arguments, ref o._arguments);
}
