using System.Runtime.ExceptionServices;

namespace Specializer.Calibration;

/// <summary>Goes on behind a part of a pipeline that cannot be read, so that one run tells what is wrong with all of them.</summary>
internal sealed class PartFaults
{
    private readonly List<ModelImportException> _faults = [];

    /// <summary>Whether nothing was wrong so far.</summary>
    public bool None => _faults.Count == 0;

    /// <summary>Reads something; what is wrong with it is kept.</summary>
    /// <returns>Default where it cannot be read.</returns>
    public T? Read<T>(Func<T> read)
    {
        T? result = default;
        Check(() => result = read());
        return result;
    }

    /// <summary>Does something; what is wrong is kept.</summary>
    public void Check(Action check)
    {
        try
        {
            check();
        }
        catch (ModelImportException e)
        {
            _faults.AddRange(e.All);
        }
    }

    /// <exception cref="ModelImportException">Something was wrong: one fault is thrown as it was, of several a new one says all.</exception>
    public void Throw()
    {
        if (_faults.Count == 1) ExceptionDispatchInfo.Throw(_faults[0]);
        if (_faults.Count > 1) throw new ModelImportException(_faults);
    }
}
