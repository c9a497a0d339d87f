namespace Specializer.Calibration;

// The pass before all others, where moments need it: what scales of layers' inputs are fixed from.
internal sealed partial class CalibrationRun
{
    private string ScalesPhase => OwnPhase("scales");

    /// <summary>Those that are fixed already, by the first solver's run for all.</summary>
    private IReadOnlyDictionary<string, ChannelSpread>? Known => _scales ?? _owner?._scales;

    /// <summary>Images of the first unit, both halves of guided pairs.</summary>
    private long FirstImages => WorkShares.Halves(Context.Options) * (long)Math.Min(ReferenceTrajectories.UnitImages, Context.Options.Trajectories);

    /// <summary>Channels over the first unit of all solvers, whose moments are added and have one scale.</summary>
    private IReadOnlyDictionary<string, ChannelSpread> Scales(SharedNetworks networks, string phase) => new UnitPhase<ActivationCollector>(ScalesPhase, 1, Context, null, _checkpoint)
    {
        Create = () => Collector([], histograms: false),
        Steps = Context.TableTimesteps.Length,
        Begin = (_, done) =>
        {
            if (done > 0) Context.Resume(phase, done * ScalingWork);
        },
        Collect = (scales, _, from, keep) =>
        {
            int first = 0;
            foreach (SchedulerRun solver in Context.Solvers)
            {
                using ReferenceTrajectories reference = Context.Reference(solver, networks);
                int evaluations = solver.Program.Evaluations.Count;
                if (from < first + evaluations)
                {
                    foreach (TrajectoryState state in reference.Run(0, scales.See, Math.Max(0, from - first), Context.Cancellation))
                    {
                        keep(first + state.Step + 1);
                        Context.Report(phase, ObservingWork / evaluations);
                    }
                }

                first += evaluations;
            }
        },
        Write = (scales, writer) => scales.WriteSpreads(writer),
        Read = (scales, reader, range, steps) => scales.ReadSpreads(reader, FirstImages * (range.End * (long)Context.TableTimesteps.Length + steps)),
        Merge = (_, _) => throw new InvalidOperationException("There is one unit."),
    }.Run().Spreads;
}
