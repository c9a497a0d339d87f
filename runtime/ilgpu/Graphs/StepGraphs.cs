using ILGPU.Runtime;

namespace Specializer.Ilgpu.Graphs;

/// <summary>Launches that wait for the end of their denoising step. A step that consists of the launches it had the last time, with the same arguments, is
/// captured as a graph, which from then on repeats them with one call for as long as they stay the same. Any other step's launches go out one by one and are kept
/// for comparison: a step that is computed once, or whose arguments change from run to run, costs no capture.</summary>
internal sealed class StepGraphs(KernelCache kernels, IGraphDriver driver, AcceleratorStream stream) : ILaunching, IDisposable
{
    /// <summary>Steps beyond are launched one by one: what the driver keeps of a graph has no limit of its own.</summary>
    private const int MostSteps = 2048;

    private readonly Dictionary<(int Step, int Batch), Step> _steps = [];
    private LaunchList _waiting = new();

    /// <summary>A launch that waits is going to read what was copied to the device.</summary>
    private bool _readsCopy;

    /// <inheritdoc/>
    public long Count { get; private set; }

    /// <inheritdoc/>
    public bool IsRehearsal => false;

    /// <summary>How often a graph was launched.</summary>
    public long ReplayCount { get; private set; }

    /// <inheritdoc/>
    public void Launch<TArguments>(Action<TArguments> kernel, LaunchGrid grid, in TArguments arguments)
        where TArguments : struct
    {
        Count++;
        _waiting.Add(kernel, grid, arguments);
    }

    /// <inheritdoc/>
    public void LaunchAtOnce<TArguments>(Action<TArguments> kernel, LaunchGrid grid, in TArguments arguments)
        where TArguments : struct
    {
        Count++;
        kernels.Launch(kernel, stream, grid, arguments);
    }

    /// <inheritdoc/>
    public bool Copies(bool isThere)
    {
        // A copy goes ahead of launches that wait: of those none may read what was there before.
        if (_readsCopy && !isThere) Flush();
        _readsCopy = true;
        return !isThere;
    }

    /// <summary>Launches what waits one by one.</summary>
    public void Flush()
    {
        try
        {
            _waiting.Start(kernels, stream);
        }
        finally
        {
            Clear();
        }
    }

    /// <summary>Launches what waits, which is all of a step that repeats from run to run.</summary>
    /// <param name="index">Of the step: that of another step or batch has launches, and a graph, of its own.</param>
    /// <param name="batch">Images.</param>
    /// <exception cref="DeviceLostException">The driver refused.</exception>
    public void EndStep(int index, int batch)
    {
        if (!_steps.TryGetValue((index, batch), out Step? step) && _steps.Count < MostSteps) _steps.Add((index, batch), step = new(driver));
        if (step == null || _waiting.Count == 0)
        {
            Flush();
            return;
        }

        try
        {
            if (step.Launches.IsSame(_waiting))
            {
                if (step.Executable == 0) Capture(step);
                driver.Launch(step.Executable, stream);
                ReplayCount++;
                return;
            }

            step.Forget();
            (step.Launches, _waiting) = (_waiting, step.Launches);
            step.Launches.Start(kernels, stream);
        }
        catch (AcceleratorException e)
        {
            throw KernelCache.Lost(stream.Accelerator, e);
        }
        finally
        {
            Clear();
        }
    }

    private void Clear()
    {
        _waiting.Clear();
        _readsCopy = false;
    }

    private void Capture(Step step)
    {
        driver.BeginCapture(stream);
        try
        {
            step.Launches.Start(kernels, stream);
        }
        catch
        {
            Abandon();
            throw;
        }

        nint graph = driver.EndCapture(stream);
        try
        {
            step.Executable = driver.Instantiate(graph);
        }
        finally
        {
            driver.DestroyGraph(graph);
        }
    }

    /// <summary>The stream must not go on recording.</summary>
    private void Abandon()
    {
        try
        {
            driver.DestroyGraph(driver.EndCapture(stream));
        }
        catch (AcceleratorException)
        {
            // What failed first is reported.
        }
    }

    public void Dispose()
    {
        _waiting.Clear();
        IlgpuDevice.Release([.. _steps.Values]);
        _steps.Clear();
    }

    private sealed class Step(IGraphDriver driver) : IDisposable
    {
        public LaunchList Launches { get; set; } = new();

        /// <summary>0 until it is captured.</summary>
        public nint Executable { get; set; }

        public void Forget()
        {
            nint executable = Executable;
            Executable = 0;
            if (executable != 0) driver.DestroyExecutable(executable);
        }

        public void Dispose() => Forget();
    }
}
