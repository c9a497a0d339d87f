using Xunit.Abstractions;

namespace Specializer.Ilgpu.Tests;

/// <summary>The sampler generated from the shipped model, on every device.</summary>
public class GeneratedSamplerTests(ITestOutputHelper output)
{
    /// <summary>Not on ILGPU's CPU accelerator, which takes minutes.</summary>
    [Theory]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Whole_images_agree(Accelerator kind)
    {
        using Device device = Accelerators.Open(kind);
        using MnistSampler here = MnistSampler.Load(), there = MnistSampler.Load(device);
        float[] expected = here.Sample(count: 2, seed: 5, labels: [3, 8]).Pixels.ToArray();
        float[] actual = there.Sample(count: 2, seed: 5, labels: [3, 8]).Pixels.ToArray();
        double error = expected.Zip(actual, (e, a) => (double)(e - a) * (e - a)).Average();
        // Pixels span 2: from −1 to 1.
        double decibels = error == 0 ? double.PositiveInfinity : 10 * Math.Log10(4 / error);
        output.WriteLine($"{device.Name}: {decibels:F1} dB to the CPU");
        Assert.True(decibels >= 50, $"{decibels:F1} dB");
    }

    /// <summary>The whole network and the solver once; on the PTX machine in kernels made for the generated shapes.</summary>
    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.Cuda)]
    public void A_step_agrees(Accelerator kind)
    {
        using Device device = Accelerators.Open(kind);
        using MnistSampler here = MnistSampler.Load(), there = MnistSampler.Load(device);
        int step = here.Description.Steps.Count - 1;
        float[] expected = State(here, step), actual = State(there, step);
        Assert.True(expected.Max(MathF.Abs) > 0.1f);
        Assert.Equal(expected, actual);
    }

    private static float[] State(Sampler sampler, int step)
    {
        SamplerDescription d = sampler.Description;
        int elements = d.Height * d.Width * d.Channels;
        using Execution run = sampler.Device.CreateExecution(sampler.Weights, d.BytesPerImage, d.Vectors, 1);
        run.Begin(d.Latent, elements, new(1, 7, 0, 1f), [4], default);
        sampler.RunStep(step, run);
        var state = new float[elements];
        run.Read(d.Latent, elements, state);
        return state;
    }
}
