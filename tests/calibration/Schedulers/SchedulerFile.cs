using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>Programs from the text of a configuration.</summary>
internal static class SchedulerFile
{
    public static SolverProgram Program(string className, string json, int steps, SolverArguments? arguments = null) =>
        Read(json, configuration => SchedulerPrograms.Create(configuration, steps, className, arguments));

    public static T Read<T>(string json, Func<ConfigurationReader, T> read)
    {
        using var folder = new TemporaryFolder();
        string file = folder.File("scheduler_config.json");
        File.WriteAllText(file, json);
        return read(ConfigurationReader.Open(file));
    }
}
