using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Specializer.Calibration;
using Specializer.Tests;

namespace Specializer.Generated.Tests;

/// <summary>The generated sampler gives the interpreter's bits, whatever the batch, the threads and the instruction set.</summary>
public sealed class GeneratedEqualsInterpretedTests : IClassFixture<InterpretedImages>
{
    private readonly InterpretedImages _interpreted;

    public GeneratedEqualsInterpretedTests(InterpretedImages interpreted) => _interpreted = interpreted;

    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 1)]
    [InlineData(3, 5)]
    [InlineData(4, 2)]
    [InlineData(5, 1)]
    [InlineData(6, 2)]
    [InlineData(7, 5)]
    [InlineData(64, 2)]
    public void For_any_batch_size_and_thread_count(int capacity, int threads)
    {
        using var device = new CpuDevice(threads);
        using MnistSampler sampler = MnistSampler.Load(device);
        using SamplerSession session = sampler.CreateSession(capacity);

        ImageBatch images = session.Sample(InterpretedImages.Options);

        Assert.Equal(_interpreted.Pixels, images.Pixels.ToArray());
    }

    [Fact]
    public void Under_guidance()
    {
        using var device = new CpuDevice(2);
        using MnistSampler sampler = MnistSampler.Load(device);
        using InterpretedSampler interpreted = InterpretedSampler.FromArtifact(InterpretedImages.Manifest, device);
        float guidance = Math.Min(2f, sampler.Description.GuidanceMaximum);
        Assert.NotEqual(1f, guidance);

        var asked = new SampleOptions { Count = 7, Seed = 5, Labels = [1, 2, 3, 4, 5, 6, 7], Guidance = guidance };
        float[] expected = EveryBatch.Same(interpreted, sampler, asked);
        Assert.NotEqual(expected, sampler.Sample(asked with { Guidance = 1 }).Pixels.ToArray());
    }

    [X86Theory]
    [InlineData("DOTNET_EnableAVX2", "AVX2 off, AVX-512 off")]
    [InlineData("DOTNET_EnableAVX512", null)]
    public void Without_an_instruction_set(string variable, string? expected)
    {
        using var device = new CpuDevice(1);
        using MnistSampler sampler = MnistSampler.Load(device);
        string here = Convert.ToHexString(SHA256.HashData(MemoryMarshal.AsBytes(sampler.Sample(new() { Count = 2, Seed = 11, Labels = [3, 8] }).Pixels.Span)));

        var start = new ProcessStartInfo(Environment.ProcessPath!, [typeof(MnistSampler).Assembly.Location])
        {
            RedirectStandardOutput = true,
            Environment = { [variable] = "0" },
        };
        using Process process = Process.Start(start)!;
        string[] lines = process.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        process.WaitForExit();

        Assert.Equal(0, process.ExitCode);
        if (expected is not null) Assert.Equal(expected, lines[0]);
        else Assert.EndsWith("AVX-512 off", lines[0]);
        Assert.Equal(here, lines[1]);
    }

    /// <summary>A theory that is skipped on processors that these instruction sets do not belong to.</summary>
    private sealed class X86TheoryAttribute : TheoryAttribute
    {
        public X86TheoryAttribute() => Skip = RuntimeInformation.ProcessArchitecture is Architecture.X64 or Architecture.X86
            ? null : $"AVX belongs to x86; this processor is {RuntimeInformation.ProcessArchitecture}.";
    }
}

/// <summary>Images that the interpreter draws from the shipped artefact, once for all tests.</summary>
public sealed class InterpretedImages
{
    public static readonly SampleOptions Options = new() { Count = 9, Seed = 7, Labels = [0, 1, 2, 3, 4, 5, 6, 7, 8] };

    public InterpretedImages()
    {
        using var device = new CpuDevice(1);
        using InterpretedSampler sampler = InterpretedSampler.FromArtifact(Manifest, device);
        using SamplerSession session = sampler.CreateSession(4);
        Pixels = session.Sample(Options).Pixels.ToArray();
    }

    public static string Manifest { get; } = Path.Combine(SharedData.RepositoryRoot, "sample-app", "models", "mnist", "mnist.calibration.json");

    public float[] Pixels { get; }
}
