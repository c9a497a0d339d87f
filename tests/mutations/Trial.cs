namespace Specializer.Mutations;

/// <summary>Runs tests with mutations active, in this process.</summary>
internal sealed class Trial
{
    /// <summary>Exit code of a process that another must go on after.</summary>
    public const int Restart = 75;

    private const int Last = 4;

    private readonly MutatedAssembly _mutated;
    private readonly Results _results;
    private readonly Watch _watch;
    private readonly List<TestCase> _tests = [];
    private readonly Dictionary<int, List<TestCase>> _reachedBy = [];
    private readonly HashSet<int> _alone;
    private int _active = -1;

    /// <param name="mutated">The assembly.</param>
    /// <param name="tests">All that there are.</param>
    /// <param name="reach">What they come by; others are left out.</param>
    /// <param name="results">Where outcomes go.</param>
    public Trial(MutatedAssembly mutated, IEnumerable<TestCase> tests, Reach reach, Results results)
    {
        (_mutated, _results) = (mutated, results);
        _alone = [.. reach.Tests.Values.SelectMany(t => t.Once).Except(reach.Tests.Values.SelectMany(t => t.Mutations.Except(t.Once)))];
        _watch = new(() => results.Add(_active, Outcome.TimedOut));
        foreach (TestCase test in tests)
        {
            if (!reach.Tests.TryGetValue(test.Name, out Reach.Test? reached)) continue;
            test.Time = reached.Time;
            _tests.Add(test);
            foreach (int mutation in reached.Mutations)
            {
                if (!_reachedBy.TryGetValue(mutation, out List<TestCase>? by)) _reachedBy.Add(mutation, by = []);
                by.Add(test);
            }
        }
    }

    /// <summary>Tries one mutation, which is active since the process began: any test may be the first to come by.</summary>
    public void One(int mutation)
    {
        TestCase? killer = Killer(mutation, [.. _tests.OrderBy(t => t.Time)]);
        _results.Add(mutation, killer is null ? Outcome.Survived : Outcome.Killed, killer?.Name ?? "");
    }

    /// <summary>Tries mutations, the quick tests and those that killed last first; not those that must be active since the process began.</summary>
    /// <returns>Whether all were tried. If not, something that a mutation has left makes a test fail without one, and another process must go on.</returns>
    public bool All(IEnumerable<Mutation> mutations)
    {
        var killers = new Dictionary<string, List<TestCase>>();
        bool fresh = true;
        foreach (Mutation mutation in mutations.Where(m => !_alone.Contains(m.Id)))
        {
            if (!_reachedBy.TryGetValue(mutation.Id, out List<TestCase>? tests))
            {
                _results.Add(mutation.Id, Outcome.NotReached);
                continue;
            }

            if (!killers.TryGetValue(mutation.File, out List<TestCase>? before)) killers.Add(mutation.File, before = []);
            if (Killer(mutation.Id, [.. before.Where(tests.Contains).Take(Last), .. tests.OrderBy(t => t.Time)]) is { } killer)
            {
                // It could be what an earlier mutation has left that it fails with.
                bool spoilt = killer.Run() is not null;
                if (!spoilt || fresh) _results.Add(mutation.Id, Outcome.Killed, killer.Name);
                else _results.Add(mutation.Id, Outcome.NotTried);
                if (spoilt) return false;
                before.Remove(killer);
                before.Insert(0, killer);
            }
            else
            {
                _results.Add(mutation.Id, Outcome.Survived);
            }

            fresh = false;
        }

        return true;
    }

    private TestCase? Killer(int mutation, IReadOnlyList<TestCase> tests)
    {
        _results.Add(_active = mutation, Outcome.Begun);
        TestCase? killer = tests.FirstOrDefault(test =>
        {
            _watch.Begin(test.Time);
            _mutated.Activate(mutation);
            bool fails = test.Run() is not null;
            _mutated.Activate(-1);
            return fails;
        });
        _watch.End();
        return killer;
    }
}
