using ILGPU.Runtime;

namespace Specializer.Ilgpu;

/// <summary>Launches go out at once.</summary>
internal sealed class ImmediateLaunching(KernelCache kernels, AcceleratorStream stream) : ILaunching
{
    public long Count { get; private set; }

    public bool IsRehearsal => false;

    public void Launch<TArguments>(Action<TArguments> kernel, LaunchGrid grid, in TArguments arguments)
        where TArguments : struct
    {
        Count++;
        kernels.Launch(kernel, stream, grid, arguments);
    }

    public void LaunchAtOnce<TArguments>(Action<TArguments> kernel, LaunchGrid grid, in TArguments arguments)
        where TArguments : struct => Launch(kernel, grid, arguments);

    public bool Copies(bool isThere) => !isThere;

    public void Flush()
    {
    }

    public void EndStep(int step, int batch)
    {
    }
}
