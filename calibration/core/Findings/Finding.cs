namespace Specializer.Calibration;

/// <summary>What a calibration decided and on what evidence, or noticed. Data alone: Specializer.Reporting puts it into words.</summary>
public abstract record Finding;

/// <summary>A finding about the alternative that was taken, with some layers kept at 8 bits.</summary>
/// <param name="Of">What was found there.</param>
public sealed record WithKeptLayers(Finding Of) : Finding;

/// <summary>A finding about one of several solvers that share weights.</summary>
/// <param name="Scheduler">Its family.</param>
/// <param name="Of">What was found there.</param>
public sealed record WithScheduler(string Scheduler, Finding Of) : Finding;

/// <summary>So few trajectories that no interval can be told, and so nothing that needs evidence can be decided.</summary>
/// <param name="Trajectories">Of the statistics.</param>
/// <param name="Needed">Least for an interval.</param>
public sealed record TooFewTrajectories(int Trajectories, int Needed) : Finding;
