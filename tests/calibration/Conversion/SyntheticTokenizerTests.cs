using Specializer.Calibration.Conversion;
using Specializer.Tests;
using Specializer.Text;

namespace Specializer.Calibration.Tests;

public class SyntheticTokenizerTests
{
    [Fact]
    public void Its_files_are_a_tokenizer_of_the_size_that_was_asked_for()
    {
        using var folder = new TemporaryFolder();
        foreach (var (name, text) in SyntheticTokenizer.Files(49_408, 77)) File.WriteAllText(folder.File(name), text);
        ClipTokenizer tokenizer = ClipTokenizer.Load(folder.Root);
        Assert.Equal((77, 49_406, 49_407), (tokenizer.Length, tokenizer.BeginId, tokenizer.EndId));
        Assert.Equal(tokenizer.Encode("ab cab"), tokenizer.Encode("AB  cab"));
        // A pair that ends a word is one token.
        Assert.Single(tokenizer.Encode("ab"));
        Assert.Equal(2, tokenizer.Encode("cab").Count);
        Assert.NotEqual(tokenizer.Encode("ab"), tokenizer.Encode("ba"));
    }

    [Theory]
    [InlineData(11)]
    [InlineData(1 << 17)]
    public void There_is_none_of_other_sizes(int vocabulary) => Assert.Empty(SyntheticTokenizer.Files(vocabulary, 77));

    [Fact]
    public void A_pipeline_with_a_text_encoder_comes_with_one()
    {
        PipelineRecipe sd15 = PipelineRecipe.All.Single(r => r.Name == "sd15");
        Assert.Equal(["text_encoder"], sd15.Components.Where(c => c.TokenizerFiles().Any()).Select(c => c.Folder));
    }
}
