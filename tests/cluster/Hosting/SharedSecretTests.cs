using System.IO.Pipelines;

namespace Specializer.Cluster.Tests;

/// <summary>Who knows the cluster's secret is let in.</summary>
public sealed class SharedSecretTests
{
    [Theory]
    [InlineData("one", "one", true)]
    [InlineData("one", "two", false)]
    public async Task Both_ends_must_know_it(string server, string client, bool accepted)
    {
        (IDuplexPipe here, IDuplexPipe there) = Connection();
        bool[] results = await Task.WhenAll(new SharedSecret(server).Exchange(here, accepts: true, default), new SharedSecret(client).Exchange(there, accepts: false, default));
        Assert.Equal([accepted, accepted], results);
    }

    [Fact]
    public async Task What_one_end_says_cannot_be_said_back_to_it()
    {
        var loop = new Pipe();
        Assert.False(await new SharedSecret("one").Exchange(new Duplex(loop.Reader, loop.Writer), accepts: true, default));
    }

    [Fact]
    public async Task Silence_and_an_end_are_refusals()
    {
        (IDuplexPipe here, _) = Connection();
        using var deadline = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        Assert.False(await new SharedSecret("one").Exchange(here, accepts: true, deadline.Token));
        (here, IDuplexPipe there) = Connection();
        await there.Output.CompleteAsync();
        Assert.False(await new SharedSecret("one").Exchange(here, accepts: true, default));
    }

    private static (IDuplexPipe, IDuplexPipe) Connection()
    {
        Pipe one = new(), two = new();
        return (new Duplex(one.Reader, two.Writer), new Duplex(two.Reader, one.Writer));
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
