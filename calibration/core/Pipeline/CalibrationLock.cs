using Specializer.Formats;

namespace Specializer.Calibration;

/// <summary>Keeps two calibrations of one name out of one folder: they would go on from each other's checkpoints and mix their files.</summary>
internal static class CalibrationLock
{
    /// <summary>Takes the lock, until the result is disposed of.</summary>
    /// <param name="folder">An existing folder.</param>
    /// <param name="name">Of the artefact.</param>
    /// <exception cref="IOException">Another calibration holds it, or its file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written.</exception>
    public static IDisposable Take(string folder, string name)
    {
        string path = Path.Combine(folder, $"{name}.calibration.lock");
        try
        {
            return Disk.Lock(path);
        }
        catch (IOException e) when (File.Exists(path))
        {
            throw new IOException($"Another calibration of '{name}' writes to '{folder}'. Wait for its end, or choose another folder or name.", e);
        }
    }
}
