using System.Buffers.Binary;
using System.Reflection;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Runtime.Loader;
using System.Security.Cryptography;
using System.Text;
using Specializer.Tests;

namespace Specializer.Sampling.Tests;

/// <summary>Packed weights beside the program, as they should not be.</summary>
public sealed class PackedWeightsTests : IDisposable
{
    private const int Length = 192, Chunk = 1 << 20;

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
            Assert.Equal(blob, new ReadOnlySpan<byte>(weights.Read(0, Length), Length).ToArray());
        }
    }

    [Fact]
    public void Weights_beside_an_assembly_that_another_program_loaded_are_found()
    {
        byte[] blob = Blob(), others = Blob();
        others[^1] = 1;
        // Beside this program lie those of another.
        File.WriteAllBytes(FullName, others);
        DirectoryInfo folder = Directory.CreateTempSubdirectory("spz-");
        var context = new AssemblyLoadContext(null, isCollectible: true);
        try
        {
            string path = Path.Combine(folder.FullName, "Program.dll");
            File.WriteAllBytes(path, Image(blob));
            File.WriteAllBytes(Path.Combine(folder.FullName, _name), blob);
            using PackedWeights weights = Open(context.LoadFromAssemblyPath(path));
            Assert.Equal(Convert.ToHexStringLower(Digest(blob)), weights.Digest);
        }
        finally
        {
            context.Unload();
            folder.Delete(recursive: true);
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

    [Fact]
    public void Every_changed_byte_is_refused()
    {
        byte[] blob = Blob();
        Assembly program = ProgramWith(blob);
        for (int i = 0; i < Length; i++)
        {
            blob[i] ^= 0x10;
            File.WriteAllBytes(FullName, blob);
            Assert.Throws<SamplerMismatchException>(() => Open(program).Dispose());
            blob[i] ^= 0x10;
        }

        File.WriteAllBytes(FullName, blob);
        Open(program).Dispose();
    }

    [Theory]
    [InlineData(Chunk)]
    [InlineData(Chunk + 1)]
    [InlineData(3 * Chunk - 1)]
    public void Every_chunk_is_verified(int length)
    {
        byte[] blob = Blob(length);
        new Random(1).NextBytes(blob.AsSpan(128));
        Assembly program = ProgramWith(blob);
        File.WriteAllBytes(FullName, blob);
        Open(program, length).Dispose();
        foreach (int at in new[] { Chunk - 1, length / 2, length - 1 })
        {
            blob[at] ^= 1;
            File.WriteAllBytes(FullName, blob);
            Assert.Contains("are damaged", Assert.Throws<SamplerMismatchException>(() => Open(program, length).Dispose()).Message, StringComparison.Ordinal);
            blob[at] ^= 1;
        }
    }

    [Fact]
    public unsafe void Listed_chunks_are_verified_where_they_are_first_read()
    {
        byte[] blob = Blob(4 * Chunk + 1);
        new Random(1).NextBytes(blob.AsSpan(128));
        Assembly program = ProgramWith(blob, Chunks(blob));
        blob[2 * Chunk] ^= 1;
        File.WriteAllBytes(FullName, blob);
        using PackedWeights weights = Open(program, blob.Length);
        Assert.Equal(blob[5], *weights.Read(5, 2 * Chunk - 5));
        Assert.Equal(blob[3 * Chunk], *weights.Read(3 * Chunk, Chunk + 1));
        // Again and again, alone or among others, at its first byte or its last.
        for (int i = 0; i < 2; i++)
        {
            foreach ((long offset, long bytes) in new (long, long)[] { (2 * Chunk, 1), (3 * Chunk - 1, 1), (0, blob.Length), (2 * Chunk - 1, 2) })
                Assert.Contains("are damaged", Assert.Throws<SamplerMismatchException>(() => { weights.Read(offset, bytes); }).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Listed_chunks_name_the_same_content()
    {
        byte[] blob = Blob(Chunk + 1);
        File.WriteAllBytes(FullName, blob);
        using PackedWeights weights = Open(ProgramWith(blob, Chunks(blob)), blob.Length);
        Assert.Equal(Convert.ToHexStringLower(Digest(blob)), weights.Digest);
    }

    [Fact]
    public void A_header_is_verified_at_once()
    {
        byte[] blob = Blob(2 * Chunk);
        Assembly program = ProgramWith(blob, Chunks(blob));
        blob[100] ^= 1;
        File.WriteAllBytes(FullName, blob);
        Assert.Throws<SamplerMismatchException>(() => Open(program, blob.Length).Dispose());
    }

    [Fact]
    public void A_list_of_other_chunks_is_refused()
    {
        byte[] blob = Blob(2 * Chunk), list = Chunks(blob);
        list[40] ^= 1;
        File.WriteAllBytes(FullName, blob);
        Assert.Throws<SamplerMismatchException>(() => Open(ProgramWith(blob, list), blob.Length).Dispose());
    }

    /// <summary>As of a program that was compiled for another length: the whole is verified.</summary>
    [Fact]
    public void A_list_of_another_length_is_none()
    {
        byte[] blob = Blob(2 * Chunk), list = Chunks(blob)[1..];
        Assembly program = ProgramWith(blob, list);
        File.WriteAllBytes(FullName, blob);
        Open(program, blob.Length).Dispose();
        blob[^1] ^= 1;
        File.WriteAllBytes(FullName, blob);
        Assert.Throws<SamplerMismatchException>(() => Open(program, blob.Length).Dispose());
    }

    [Fact]
    public void An_assembly_that_binds_no_content_is_refused()
    {
        File.WriteAllBytes(FullName, Blob());
        SamplerMismatchException e = Assert.Throws<SamplerMismatchException>(() => PackedWeights.Open(typeof(PackedWeightsTests).Assembly, _name, _key, Length).Dispose());
        Assert.Contains("compiled without the targets", e.Message, StringComparison.Ordinal);
    }

    /// <summary>A disk that fails while a program opens its weights: an error, nothing that stays open, and another attempt finds them.</summary>
    [Fact]
    public void Any_operation_may_fail()
    {
        File.WriteAllBytes(FullName, Blob());
        Assembly program = ProgramWith(Blob());
        int operations;
        using (var disk = new FaultyDisk())
        {
            Open(program).Dispose();
            operations = disk.Operations;
        }

        Assert.True(operations > 1);
        for (int at = 0; at < operations; at++)
        {
            using (new FaultyDisk(DiskFault.Error, at)) Assert.Throws<IOException>(() => Open(program).Dispose());
            Assert.Empty(OpenFiles.Of(FullName));
            Open(program).Dispose();
        }
    }

    private byte[] Blob(int length = Length)
    {
        var blob = new byte[length];
        Encoding.ASCII.GetBytes("SPZWGT01").CopyTo(blob, 0);
        BinaryPrimitives.WriteInt32LittleEndian(blob.AsSpan(8), 1);
        BinaryPrimitives.WriteInt64LittleEndian(blob.AsSpan(16), length);
        _key.CopyTo(blob, 32);
        return blob;
    }

    // Written out as docs/weights.md says it.
    private static byte[] Digest(byte[] blob) => SHA256.HashData(Chunks(blob));

    private static byte[] Chunks(byte[] blob) => [.. blob.Chunk(Chunk).SelectMany(SHA256.HashData)];

    private PackedWeights Open() => Open(ProgramWith(File.Exists(FullName) ? File.ReadAllBytes(FullName) : []));

    private PackedWeights Open(Assembly program, int length = Length) => PackedWeights.Open(program, _name, _key, length);

    /// <summary>An assembly as the build makes it from this blob.</summary>
    /// <param name="blob">The blob.</param>
    /// <param name="list">Its chunks' digests, a resource of the assembly; null for none.</param>
    private Assembly ProgramWith(byte[] blob, byte[]? list = null) => Assembly.Load(Image(blob, list));

    private byte[] Image(byte[] blob, byte[]? list = null)
    {
        var program = new PersistedAssemblyBuilder(new("Program"), typeof(object).Assembly,
            [new(typeof(PackedWeightsAttribute).GetConstructors()[0], [_name, Convert.ToHexString(Digest(blob))])]);
        program.DefineDynamicModule("Program");
        MetadataBuilder metadata = program.GenerateMetadata(out BlobBuilder code, out BlobBuilder fields);
        var resources = new BlobBuilder();
        if (list is not null)
        {
            resources.WriteInt32(list.Length);
            resources.WriteBytes(list);
            metadata.AddManifestResource(ManifestResourceAttributes.Public, metadata.GetOrAddString($"{_name}.chunks"), default, 0);
        }

        var image = new BlobBuilder();
        new ManagedPEBuilder(PEHeaderBuilder.CreateLibraryHeader(), new(metadata), code, fields, resources).Serialize(image);
        return image.ToArray();
    }

    private void AssertRefused(string expected) =>
        Assert.Contains(expected, Assert.Throws<SamplerMismatchException>(() => Open().Dispose()).Message, StringComparison.Ordinal);
}
