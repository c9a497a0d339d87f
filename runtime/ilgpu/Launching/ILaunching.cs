namespace Specializer.Ilgpu;

/// <summary>What becomes of the launches that operations ask for: they go out at once, wait for the end of their step, or are only compiled.</summary>
internal interface ILaunching
{
    /// <summary>Kernels launched so far.</summary>
    long Count { get; }

    /// <summary>Whether operations only say what they need.</summary>
    bool IsRehearsal { get; }

    /// <summary>A launch behind those before it.</summary>
    void Launch<TArguments>(Action<TArguments> kernel, LaunchGrid grid, in TArguments arguments)
        where TArguments : struct;

    /// <summary>A launch that differs from run to run. Nothing may wait before it.</summary>
    void LaunchAtOnce<TArguments>(Action<TArguments> kernel, LaunchGrid grid, in TArguments arguments)
        where TArguments : struct;

    /// <summary>Told before launches read a few values that the host copies: whether the copy is to be made.</summary>
    /// <param name="isThere">The device has these values already.</param>
    bool Copies(bool isThere);

    /// <summary>Queues launches that wait, before anything else that must come behind them.</summary>
    void Flush();

    /// <summary>Everything up to here repeats from run to run: what follows depends on the run's seed.</summary>
    /// <param name="step">Index of the step.</param>
    /// <param name="batch">Images.</param>
    void EndStep(int step, int batch);
}
