using System.Runtime.ExceptionServices;

namespace Specializer.Ilgpu;

/// <summary>Launches are noted by their kernels, which can then be compiled. Nothing is launched or copied.</summary>
internal sealed class RehearsedLaunching(KernelCache kernels) : ILaunching
{
    private readonly Dictionary<Delegate, Action> _asked = new(ReferenceEqualityComparer.Instance);

    public long Count => 0;

    public bool IsRehearsal => true;

    public void Launch<TArguments>(Action<TArguments> kernel, LaunchGrid grid, in TArguments arguments)
        where TArguments : struct => _asked.TryAdd(kernel, () => kernels.Prepare(kernel));

    public void LaunchAtOnce<TArguments>(Action<TArguments> kernel, LaunchGrid grid, in TArguments arguments)
        where TArguments : struct => Launch(kernel, grid, arguments);

    public bool Copies(bool isThere) => false;

    public void Flush()
    {
    }

    public void EndStep(int step, int batch)
    {
    }

    /// <summary>Compiles what was asked for.</summary>
    /// <param name="threads">At once.</param>
    /// <exception cref="DeviceCapabilityException">The device cannot run one of the kernels.</exception>
    public void Compile(int threads)
    {
        try
        {
            Parallel.ForEach(_asked.Values, new() { MaxDegreeOfParallelism = threads }, compile => compile());
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
    }
}
