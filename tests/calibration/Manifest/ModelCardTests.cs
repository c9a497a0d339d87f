using Specializer.Tests;

namespace Specializer.Calibration.Tests;

public class ModelCardTests
{
    [Theory]
    [InlineData("mnist", "mnist")]
    [InlineData("emoji", "emoji-ddim")]
    [InlineData("emoji", "emoji-dpmsolverpp")]
    public void A_card_says_which_corrections_its_artefacts_ship_with(string model, string artefact)
    {
        string folder = Path.Combine(SharedData.RepositoryRoot, "sample-app", "models", model);
        Assert.Contains(CorrectionText.Sentence(ModelInspection.Of(Path.Combine(folder, $"{artefact}.calibration.json")).Corrections!), File.ReadAllText(Path.Combine(folder, "README.md")), StringComparison.Ordinal);
    }
}
