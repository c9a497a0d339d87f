namespace Specializer.Cluster.Tests;

/// <summary>What a client may ask for: bounded before anything is kept of it.</summary>
public sealed class RenderRequestTests
{
    private static readonly RenderRequest s_good = new() { Sampler = "mnist", Count = 1 };

    public static TheoryData<string, RenderRequest> Refused => new()
    {
        { "0 pictures", s_good with { Count = 0 } },
        { "2147483647 pictures", s_good with { Count = int.MaxValue } },
        { "200 characters", s_good with { Sampler = new('m', 201) } },
        { "names its sampler", s_good with { Sampler = "" } },
        { "hash", s_good with { Hash = "../x" } },
        { "hash", s_good with { Hash = "" } },
        { "leave the indices", s_good with { Count = 2, FirstImage = long.MaxValue - 1 } },
        { "leave the indices", s_good with { FirstImage = -1 } },
        { "100000 prompts", s_good with { Prompts = new string[100_001] } },
        { "1000 characters, not 1001", s_good with { Prompts = [new('p', 1001)] } },
        { "prompt is missing", s_good with { Prompts = [null!] } },
        { "finite", s_good with { Guidance = float.NaN } },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void Out_of_bounds_is_refused_with_the_bound(string expected, RenderRequest request) =>
        Assert.Contains(expected, Assert.Throws<ArgumentException>(request.Check).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("")]
    [InlineData("..")]
    [InlineData("a/b")]
    [InlineData("-a")]
    [InlineData("A")]
    [InlineData("a\n")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public void Names_that_are_no_folder_are_refused(string name)
    {
        Assert.Throws<ArgumentException>(() => JobName.Check(name));
        Assert.Throws<ArgumentException>(() => new FolderPictureStore("none").DeleteAsync(name, "x", default).AsTask().GetAwaiter().GetResult());
    }

    [Theory]
    [InlineData("../x")]
    [InlineData("..")]
    [InlineData("")]
    public async Task Files_out_of_the_store_are_refused(string file) =>
        await Assert.ThrowsAsync<ArgumentException>(async () => await new FolderPictureStore("none").ReadAsync("job", file, default));
}
