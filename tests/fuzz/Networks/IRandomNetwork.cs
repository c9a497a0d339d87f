namespace Specializer.Fuzz;

/// <summary>Something random that becomes a manifest with weights, and can be made smaller.</summary>
internal interface IRandomNetwork
{
    /// <summary>The manifest and its weights.</summary>
    /// <remarks>Whatever it throws is a finding.</remarks>
    RandomArtifact Make();

    /// <summary>The networks that have one thing less, the largest steps first.</summary>
    IEnumerable<IRandomNetwork> Smaller();

    /// <summary>What it is made of.</summary>
    string Description { get; }

    /// <summary>What is kept of one that shows a difference: the manifest, or the configurations of a folder.</summary>
    string Text();
}
