using Specializer.Text;

namespace Specializer.Serving.Tests;

public sealed class WeightedPromptTests
{
    [Theory]
    [InlineData("red", "red=1")]
    [InlineData("a (red cat:1.2) on grass", "a =1|red cat=1.2| on grass=1")]
    [InlineData("(a:0.5)(b: -2 )", "a=0.5|b=-2")]
    [InlineData("(red) cat", "(red) cat=1")]
    [InlineData("(a (b:2) c:3)", "(a =1|b=2| c:3)=1")]
    [InlineData(@"\(red:2\)", "(red:2)=1")]
    [InlineData(@"\(a (b\):2)", "(a =1|b)=2")]
    [InlineData("10:30 (at night)", "10:30 (at night)=1")]
    [InlineData("(a:b:2)", "a:b=2")]
    [InlineData("(:2)", "(:2)=1")]
    [InlineData("(a:1,2)", "(a:1,2)=1")]
    [InlineData("", "")]
    public void Groups_have_weights_and_everything_else_is_text(string prompt, string parts) =>
        Assert.Equal(parts, string.Join('|', WeightedPrompt.Parse(prompt).Parts.Select(p => FormattableString.Invariant($"{p.Text}={p.Weight}"))));

    [Fact]
    public void Weights_have_an_end()
    {
        Assert.Throws<ArgumentException>(() => WeightedPrompt.Parse("(red:11)"));
        Assert.Throws<ArgumentException>(() => WeightedPrompt.Parse($"(red:{new string('9', 60)})"));
        Assert.Equal(-10, Assert.Single(WeightedPrompt.Parse("(red:-10)").Parts).Weight);
    }
}
