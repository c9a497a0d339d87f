using System.CommandLine;
using Specializer.Benchmarks.Measurement;

namespace Specializer.Benchmarks.Commands;

/// <summary>What one configuration of one network needs in a process of its own: <c>models --memory</c> starts one for each.</summary>
internal static class PeakMemoryCommand
{
    private const string Name = "peak-memory", Configuration = "--configuration", Threads = "--threads";

    public static Command Create()
    {
        var networks = new NetworkOptions();
        var configuration = new Option<string>(Configuration) { Description = "One of ours, or one of ONNX Runtime's by its name in tables.", Required = true };
        configuration.AcceptOnlyFromAmong([.. ModelMeasurement.Configurations, .. ModelMeasurement.Peers.Values]);
        var threads = new Option<int>(Threads) { Description = "Threads.", DefaultValueFactory = _ => 1 };
        threads.RequirePositive();
        var command = new Command(Name, "Prints the most bytes that a process holds while it evaluates one network in one configuration, once all is loaded; nothing where the system does not say.") { configuration, threads };
        networks.AddTo(command);
        command.SetAction(options =>
        {
            using Evaluation evaluation = new ModelMeasurement(networks.Networks(options).First()).Alone(options.GetValue(configuration)!, options.GetValue(threads));
            if (!PeakMemory.Begin()) return;
            for (int i = 0; i < 2; i++) evaluation.Contender.Run();
            Console.WriteLine(PeakMemory.Bytes);
        });
        return command;
    }

    /// <summary>Bytes of a process of its own; null where the system does not say.</summary>
    public static long? Measure(IEnumerable<string> network, string configuration, int threads) =>
        long.TryParse(ChildProcess.Run([Name, .. network, Configuration, configuration, Threads, $"{threads}"]), out long bytes) ? bytes : null;
}
