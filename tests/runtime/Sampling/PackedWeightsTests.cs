using System.Buffers.Binary;
using System.Text;

namespace Specializer.Sampling.Tests;

/// <summary>Packed weights beside the program, as they should not be.</summary>
public sealed class PackedWeightsTests : IDisposable
{
    private const int Length = 192;

    private readonly string _name = $"Specializer.{Guid.NewGuid():N}.weights";
    private readonly byte[] _key = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];

    private string FullName => Path.Combine(AppContext.BaseDirectory, _name);

    public void Dispose() => File.Delete(FullName);

    [Fact]
    public void Whole_weights_are_mapped_as_they_are()
    {
        byte[] blob = Blob();
        blob[^1] = 7;
        File.WriteAllBytes(FullName, blob);
        using PackedWeights weights = Open();
        Assert.Equal(Length, weights.Length);
        unsafe
        {
            Assert.Equal(blob, new ReadOnlySpan<byte>(weights.Pointer, Length).ToArray());
        }
    }

    [Fact]
    public void Missing_weights_are_a_mismatch() => AssertRefused("are missing");

    [Theory]
    [InlineData(0, "truncated: 0 bytes")]
    [InlineData(127, "truncated: 127 bytes")]
    [InlineData(128, "have 128 bytes, the generated sampler expects 192")]
    [InlineData(193, "have 193 bytes, the generated sampler expects 192")]
    public void Weights_of_another_length_are_a_mismatch(int length, string expected)
    {
        byte[] blob = Blob();
        Array.Resize(ref blob, length);
        File.WriteAllBytes(FullName, blob);
        AssertRefused(expected);
    }

    [Theory]
    [InlineData(0, "another layout")]
    [InlineData(8, "another layout")]
    [InlineData(16, "expects 192")]
    [InlineData(63, "are not those")]
    public void A_header_that_differs_is_a_mismatch(int at, string expected)
    {
        byte[] blob = Blob();
        blob[at] ^= 1;
        File.WriteAllBytes(FullName, blob);
        AssertRefused(expected);
    }

    private byte[] Blob()
    {
        var blob = new byte[Length];
        Encoding.ASCII.GetBytes("SPZWGT01").CopyTo(blob, 0);
        BinaryPrimitives.WriteInt32LittleEndian(blob.AsSpan(8), 1);
        BinaryPrimitives.WriteInt64LittleEndian(blob.AsSpan(16), Length);
        _key.CopyTo(blob, 32);
        return blob;
    }

    private PackedWeights Open() => PackedWeights.Open(typeof(PackedWeightsTests).Assembly, _name, _key, Length);

    private void AssertRefused(string expected) =>
        Assert.Contains(expected, Assert.Throws<SamplerMismatchException>(() => Open().Dispose()).Message, StringComparison.Ordinal);
}
