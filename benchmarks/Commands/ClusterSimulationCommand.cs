using System.CommandLine;
using Specializer.Benchmarks.Cluster;
using Specializer.Benchmarks.Report;

namespace Specializer.Benchmarks.Commands;

/// <summary>A cluster of many silos by its model: first beside what was measured on few, then as large as asked for.</summary>
internal static class ClusterSimulationCommand
{
    public static Command Create()
    {
        ClusterModel d = new();
        var measured = new Option<FileInfo?>("--measured") { HelpName = "file", Description = "What a measurement left (docs/cluster.md); by default what comes with this program." };
        var silos = new Option<int[]>("--silos") { Description = "Silos, several for several rows.", DefaultValueFactory = _ => [1, 10, 100, 300, 1000, 3000], AllowMultipleArgumentsPerToken = true };
        var pictures = new Option<int>("--pictures-per-silo") { Description = "Pictures of the job for each silo; a job has at most 1,000,000.", DefaultValueFactory = _ => 1000 };
        silos.RequirePositive();
        pictures.RequirePositive();
        Option<double> picture = Seconds("--picture", "Seconds a picture.", 1), unit = Seconds("--unit", "Seconds a unit.", d.Unit), exchange = Seconds("--exchange", "Seconds from the end of a unit to the next, alone.", d.Exchange),
            service = Seconds("--service", "Of these, those that the job itself is busy.", d.Service), each = Seconds("--service-per-silo", "Seconds that each silo's unit adds.", d.ServicePerSilo),
            lifetime = Seconds("--lifetime", "Mean seconds until a silo is lost; 0 for never.", 86_400), restart = Seconds("--restart", "Seconds until another stands in its place.", d.Restart);
        var seed = new Option<int>("--seed") { Description = "Seed of what happens by chance.", DefaultValueFactory = _ => d.Seed };
        var command = new Command("cluster-simulation", "Simulates a job of a cluster of many silos.") { measured, silos, pictures, picture, unit, exchange, service, each, lifetime, restart, seed };
        command.SetAction(options =>
        {
            IReadOnlyList<MeasuredCluster> rows = options.GetValue(measured) is { } file ? MeasuredCluster.Read(File.ReadAllText(file.FullName)) : MeasuredCluster.Shipped();
            var beside = new MarkdownTable("silos", "measured, s", "simulated, s", "difference, %", "units measured", "simulated");
            foreach (MeasuredCluster row in rows)
            {
                ClusterOutcome outcome = ClusterSimulation.Run(row.Model(unit: 5, options.GetValue(service)));
                beside.Add(row.Silos, row.Wall, outcome.Wall, 100 * (outcome.Wall / row.Wall - 1), row.Units, outcome.Units);
            }

            var table = new MarkdownTable("silos", "wall, s", "efficiency, %", "units", "lost", "rework, %", "job busy, %", "wait, ms", "tail, s");
            foreach (int count in options.GetRequiredValue(silos))
            {
                ClusterOutcome o = ClusterSimulation.Run(new()
                {
                    Silos = count, Pictures = (int)Math.Min(1_000_000, (long)count * options.GetValue(pictures)), Picture = options.GetValue(picture), Unit = options.GetValue(unit), Exchange = options.GetValue(exchange),
                    Service = options.GetValue(service), ServicePerSilo = options.GetValue(each), Lifetime = options.GetValue(lifetime), Restart = options.GetValue(restart), Seed = options.GetValue(seed),
                });
                table.Add(count, o.Wall, 100 * o.Efficiency, o.Units, o.Lost, 100 * o.Rework, 100 * o.Busy, 1000 * o.Wait, o.Tail);
            }

            Console.WriteLine($"{beside}\n{table}");
            return 0;
        });
        return command;
    }

    private static Option<double> Seconds(string name, string description, double absent)
    {
        var option = new Option<double>(name) { HelpName = "s", Description = description, DefaultValueFactory = _ => absent };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && double.TryParse(token.Value, System.Globalization.CultureInfo.InvariantCulture, out double value) && !(value >= 0 && double.IsFinite(value))) result.AddError($"{name} must be a number from 0 on.");
        });
        return option;
    }
}
