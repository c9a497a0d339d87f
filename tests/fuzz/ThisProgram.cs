using System.Diagnostics;

namespace Specializer.Fuzz;

/// <summary>This program, to be started once more.</summary>
internal static class ThisProgram
{
    /// <summary>How to start it.</summary>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="folder">Where it or a copy of it lies.</param>
    public static ProcessStartInfo With(IEnumerable<string> arguments, string folder)
    {
        string host = Environment.ProcessPath!;
        return Path.GetFileNameWithoutExtension(host) == "dotnet"
            ? new(host, [Path.Combine(folder, $"{typeof(ThisProgram).Assembly.GetName().Name}.dll"), .. arguments])
            : new(Path.Combine(folder, Path.GetFileName(host)), arguments);
    }
}
