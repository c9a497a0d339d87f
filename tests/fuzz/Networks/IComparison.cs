namespace Specializer.Fuzz;

/// <summary>Something that random networks are compared with.</summary>
internal interface IComparison : IDisposable
{
    /// <summary>For the command line and the names of findings.</summary>
    string Name { get; }

    /// <summary>Networks that are best compared at once.</summary>
    int Batch => 16;

    /// <summary>What is wrong with each network; null where nothing is, or nothing can be compared.</summary>
    string?[] Faults(IReadOnlyList<RandomArtifact> networks);

    /// <summary>What else was seen.</summary>
    string Remark { get; }
}
