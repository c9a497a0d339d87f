namespace Specializer.Tasks.Tests.Builds;

/// <summary>Calibrated models of a project.</summary>
internal static class ConsumerModels
{
    /// <summary>Adds a model to the folder that <see cref="ConsumerProject.Create"/> includes by pattern.</summary>
    public static TestModel AddModel(this ConsumerProject project, string name = "tiny", int seed = 1) => new TestModel(project.File(ConsumerProject.Models), name, seed).Write();
}
