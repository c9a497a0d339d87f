using System.Diagnostics;
using System.Runtime.Loader;
using Specializer.Mutations;

// TESTS.dll MUTATED.dll REPORT.json RESULTS [WANTED [UNWANTED]]: both assemblies lie in one folder, WANTED and UNWANTED match Type.Method.
// In a process of its own: the same, and before them --all, or --one with a number.
if (args is ["--all", .. var all]) return Try(all, null);
if (args is ["--one", var number, .. var one]) return Try(one, int.Parse(number));
if (args.Length is < 4 or > 6)
{
    Console.Error.WriteLine("usage: TESTS.dll MUTATED.dll REPORT.json RESULTS [WANTED [UNWANTED]]");
    return 2;
}

List<Mutation> mutations = Mutation.Of(args[2]);
var results = new Results(args[3]);
for (int code; (code = Child(["--all", .. args])) != 0;)
{
    // What a mutation has ended it does not try again; what ends without one would end again.
    int[] begun = [.. results.All().Where(r => r.Value == Outcome.Begun).Select(r => r.Key)];
    foreach (int mutation in begun) results.Add(mutation, Outcome.Ended);
    if (code != Trial.Restart && begun.Length == 0) return code;
}

foreach (Mutation mutation in mutations.Where(m => !results.All().ContainsKey(m.Id)))
{
    Child(["--one", $"{mutation.Id}", .. args]);
    if (results.All().GetValueOrDefault(mutation.Id) == Outcome.Begun) results.Add(mutation.Id, Outcome.Ended);
}

Report.Write(mutations, results.All());
return 0;

static int Child(string[] arguments)
{
    var start = new ProcessStartInfo(Environment.ProcessPath!, arguments);
    // Snapshots that differ are not to be kept, and a mutation may ask for memory without end.
    (start.Environment["CI"], start.Environment["DOTNET_GCHeapHardLimit"]) = ("true", "0x60000000");
    using Process child = Process.Start(start)!;
    child.WaitForExit();
    return child.ExitCode;
}

static int Try(string[] args, int? only)
{
    string folder = Path.GetDirectoryName(Path.GetFullPath(args[0]))!;
    AssemblyLoadContext.Default.Resolving += (context, name) => Path.Combine(folder, name.Name + ".dll") is var path && File.Exists(path) ? context.LoadFromAssemblyPath(path) : null;
    var mutated = new MutatedAssembly(args[1]);
    if (only is { } id) mutated.Activate(id);
    var results = new Results(args[3]);
    List<TestCase> tests;
    try
    {
        tests = TestCase.Of(AssemblyLoadContext.Default.LoadFromAssemblyPath(Path.GetFullPath(args[0])), new(args.ElementAtOrDefault(4) ?? "."), new(args.ElementAtOrDefault(5) ?? "(?!)"));
    }
    catch (Exception e) when (only is not null)
    {
        results.Add(only.Value, Outcome.Killed, $"the tests' data: {e.GetBaseException().Message.ReplaceLineEndings(" ")}");
        return 0;
    }

    var trial = new Trial(mutated, tests, Reach.Of(args[3] + ".reach.json", mutated, tests), results);
    if (only is { } mutation)
    {
        trial.One(mutation);
        return 0;
    }

    Dictionary<int, Outcome> tried = results.All();
    return trial.All(Mutation.Of(args[2]).Where(m => tried.GetValueOrDefault(m.Id, Outcome.NotTried) == Outcome.NotTried)) ? 0 : Trial.Restart;
}
