using Specializer.Manifest;

namespace Specializer.Generator.Tests;

/// <summary>Every character and every length that a name may have, by a list of its own.</summary>
public sealed class NameTests
{
    private const string Letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", Digits = "0123456789";

    private static readonly (Func<string, bool> Rule, string Extra)[] s_rules =
        [(Names.IsModulePath, "_."), (Names.IsModelName, "-_"), (Names.IsFamily, "-_+"), (Names.IsIdentifier, "_"), (s => Names.IsFileName($"a{s}a"), "-_.")];

    [Fact]
    public void Characters()
    {
        foreach (var (rule, extra) in s_rules)
            for (char c = '\0'; c < 0x250; c++) Assert.True((Letters + Digits + extra).Contains(c) == rule($"{c}"), $"U+{(int)c:X4}");
    }

    [Fact]
    public void Lengths()
    {
        foreach (Func<string, bool> rule in (Func<string, bool>[])[Names.IsModulePath, Names.IsModelName, Names.IsFamily, Names.IsIdentifier, Names.IsFileName])
            foreach (int length in (int[])[0, 1, Names.MaximumLength, Names.MaximumLength + 1]) Assert.Equal(length is > 0 and <= 200, rule(new('a', length)));
    }

    [Fact]
    public void Hashes()
    {
        for (char c = '\0'; c < 0x80; c++) Assert.Equal("0123456789abcdef".Contains(c), Names.IsSha256(new(c, 64)));
        foreach (string other in (string[])[new string('a', 63) + "g", "G" + new string('0', 63)]) Assert.False(Names.IsSha256(other));
        foreach (int length in (int[])[0, 63, 65]) Assert.False(Names.IsSha256(new('a', length)));
    }

    /// <summary>At most a third of the letters, and one in any name, are others, added or missing; upper and lower case are alike.</summary>
    [Theory]
    [InlineData("abcdef", "abcdef", true)]
    [InlineData("ABCDEF", "abcdef", true)]
    [InlineData("abcdxy", "abcdef", true)]
    [InlineData("abcxyz", "abcdef", false)]
    [InlineData("abcd", "abcdef", true)]
    [InlineData("abc", "abcdef", false)]
    [InlineData("abcdefgh", "abcdef", true)]
    [InlineData("abcdefghi", "abcdef", false)]
    [InlineData("xabcdef", "abcdef", true)]
    [InlineData("abxy", "abcd", false)]
    [InlineData("abx", "abc", true)]
    [InlineData("a", "b", true)]
    [InlineData("", "b", true)]
    [InlineData("ab", "cd", false)]
    public void The_name_that_was_meant(string name, string candidate, bool meant) => Assert.Equal(meant ? candidate : null, Names.Nearest(name, [candidate]));

    [Fact]
    public void The_nearest_and_of_equals_the_first_was_meant()
    {
        Assert.Equal("scales", Names.Nearest("scalez", ["scalar", "scales", "scaled"]));
        Assert.Equal("scaled", Names.Nearest("scalez", ["scalar", "scaled", "scales"]));
        Assert.Equal("abc", Names.Nearest("abc", ["abd", "abc"]));
    }

    /// <summary>The search ends when the lengths that it has multiplied exceed four million.</summary>
    [Fact]
    public void The_search_ends()
    {
        string name = new('a', 128);
        string[] others = [.. Enumerable.Repeat(new string('b', 1024), 31)];
        Assert.Equal(name, Names.Nearest(name, [.. others, new('b', 896), name]));
        Assert.Null(Names.Nearest(name, [.. others, new('b', 897), name]));
    }
}
