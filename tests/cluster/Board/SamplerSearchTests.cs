namespace Specializer.Cluster.Tests;

/// <summary>Which sampler a name means, and why none.</summary>
public sealed class SamplerSearchTests
{
    private static readonly SiloOffer s_a = Silo("a", "mnist", "aaaa1111", "w1"), s_b = Silo("b", "mnist", "bbbb2222", "w2"), s_c = Silo("c", "faces", "cccc3333", "w3");

    [Fact]
    public void A_name_means_the_one_sampler_that_silos_have_of_it()
    {
        Assert.Equal(s_a.Samplers[0].Sampler, SamplerSearch.Find([s_a, s_c, Silo("d", "mnist", "aaaa1111", "w1")], "mnist", null));
        Assert.Equal(s_b.Samplers[0].Sampler, SamplerSearch.Find([s_a, s_b], "mnist", "bbbb"));
    }

    [Fact]
    public void What_does_not_fit_is_refused_with_what_there_is()
    {
        AssertRefused([s_a, s_b], "mnist", null, "a draws aaaa1111 (weights w1", "b draws bbbb2222 (weights w2");
        AssertRefused([s_a, s_c], "mnist", "cccc", "hash cccc", "other weights or another version", "a draws aaaa1111");
        AssertRefused([s_a, s_c], "birds", null, "no sampler 'birds'"[3..], "faces, mnist");
        AssertRefused([], "mnist", null, "No silo has said");

        static void AssertRefused(SiloOffer[] silos, string name, string? hash, params string[] expected)
        {
            string message = Assert.Throws<SamplerUnavailableException>(() => SamplerSearch.Find(silos, name, hash)).Message;
            foreach (string part in expected) Assert.Contains(part, message, StringComparison.Ordinal);
        }
    }

    private static SiloOffer Silo(string name, string model, string hash, string weights) => new(name, [new(new(model, hash), weights, "1.0", "CPU", 1)]);
}
