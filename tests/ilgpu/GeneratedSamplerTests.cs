using Specializer.Generator.Tests;
using Xunit.Abstractions;

namespace Specializer.Ilgpu.Tests;

/// <summary>The sampler generated from the shipped model, on every device.</summary>
public class GeneratedSamplerTests(ITestOutputHelper output)
{
    /// <summary>ILGPU's CPU accelerator takes half a minute for an image.</summary>
    [Theory]
    [Trait("Duration", "Long")]
    [On(Accelerator.Cpu)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Whole_images_agree(Accelerator kind)
    {
        using Device device = Accelerators.Open(kind);
        using MnistSampler here = MnistSampler.Load(), there = MnistSampler.Load(device);
        int[] labels = kind == Accelerator.Cpu ? [3] : [3, 8];
        float[] expected = here.Sample(new() { Count = labels.Length, Seed = 5, Labels = labels }).Pixels.ToArray();
        float[] actual = there.Sample(new() { Count = labels.Length, Seed = 5, Labels = labels }).Pixels.ToArray();
        double decibels = Decibels(expected, actual);
        output.WriteLine($"{device.Name}: {decibels:F1} dB to the CPU");
        Assert.True(decibels >= 50, $"{decibels:F1} dB");
    }

    /// <summary>Every operation there is: a class-conditional network with guidance, 4- and 8-bit activations, and attention in FP32 or 8 bits; of a size that halves and of one that does not.</summary>
    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void A_tiny_model_with_guidance_agrees(Accelerator kind)
    {
        foreach ((int productBits, int size) in ((int, int)[])[(8, 8), (32, 7)])
        {
            string manifest = new ManifestBuilder { Size = size, Steps = 3, FirstStepsAtFourBits = 2, Classes = 3, EmbeddingWidth = 16, Guided = true, Channels = 3, ProductBits = productBits }
                .WithEveryOperation().ToString();
            byte[] weights = CompiledSampler.Pack(manifest);
            using Device device = Accelerators.Open(kind);
            using Sampler here = CompiledSampler.Load(manifest, weights), there = CompiledSampler.Load(manifest, weights, device: device);
            // The last two calls draw images with seeds and guidance of their own in one batch.
            SampleOptions both = new() { Count = 2, Seed = 5, Labels = [2, 0], Guidance = 2.5f }, none = new() { Seed = 6, Labels = [1], Guidance = 1 }, one = new() { Seed = 7, Labels = [1], Guidance = 1.5f };
            foreach (SampleOptions[] requests in (SampleOptions[][])[[both], [none, one], [one, none, both]])
            {
                float[] expected = here.Sample(requests).Pixels.ToArray(), actual = there.Sample(requests).Pixels.ToArray();
                Assert.True(expected.Distinct().Count() > expected.Length / 2, "The images are nearly constant: the comparison says little.");
                if (kind != Accelerator.OpenCL) Assert.Equal(expected, actual);
                else Assert.True(Decibels(expected, actual) >= 50);
                if (requests.Length > 1) Assert.Equal(requests.SelectMany(r => there.Sample(r).Pixels.ToArray()), actual);
            }
        }
    }

    /// <summary>The operations of transformers, autoencoders and text encoders, one after the other, with and without quantization in their own pass.</summary>
    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Operations_between_maps_agree(Accelerator kind)
    {
        foreach (int productBits in (int[])[8, 32])
        {
            string manifest = new ManifestBuilder { Steps = 1, ProductBits = productBits }.WithMapOperations().ToString();
            byte[] weights = CompiledSampler.Pack(manifest);
            using Device device = Accelerators.Open(kind);
            using Sampler here = CompiledSampler.Load(manifest, weights), there = CompiledSampler.Load(manifest, weights, device: device);
            float[] expected = here.Sample(new() { Count = 2, Seed = 5 }).Pixels.ToArray(), actual = there.Sample(new() { Count = 2, Seed = 5 }).Pixels.ToArray();
            Assert.True(expected.Distinct().Count() > expected.Length / 2, "The images are nearly constant: the comparison says little.");
            if (kind != Accelerator.OpenCL) Assert.Equal(expected, actual);
            else Assert.True(Decibels(expected, actual) >= 50);
        }
    }

    /// <summary>Text encoders, keys and values once a call, an encoder of pictures, a network that reads a mask or none, a decoder: with and without guidance, from noise and from pictures.</summary>
    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.Ptx)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Several_networks_agree(Accelerator kind)
    {
        using Device device = Accelerators.Open(kind);
        foreach (bool masks in (bool[])[false, true])
        {
            string manifest = new ManifestBuilder { Steps = 2, FirstStepsAtFourBits = 1, Guided = true, Channels = 3, Pictures = true, Masks = masks, TextPair = true }.WithNetworks().ToString();
            byte[] weights = CompiledSampler.Pack(manifest);
            using Sampler here = CompiledSampler.Load(manifest, weights), there = CompiledSampler.Load(manifest, weights, device: device);
            SampleOptions noise = new() { Count = 2, Seed = 5, Guidance = masks ? 1 : 2.5f, Tokens = [[10, 1, 2, 11], [10, 3, 11, 11]], NegativeTokens = [10, 4, 11, 11] };
            SampleOptions picture = noise with { Guidance = masks ? 2.5f : 1, Image = here.Sample(noise), Strength = 0.7, Mask = [.. Enumerable.Range(0, 256).Select(i => i < 128)] };
            float[] expected = here.Sample([noise, picture]).Pixels.ToArray(), actual = there.Sample([noise, picture]).Pixels.ToArray();
            Assert.True(expected.Distinct().Count() > expected.Length / 2, "The images are nearly constant: the comparison says little.");
            if (kind != Accelerator.OpenCL) Assert.Equal(expected, actual);
            else Assert.True(Decibels(expected, actual) >= 50);
        }
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

    /// <summary>Creating a session compiles every kernel and allocates everything; a sample then only queues launches between its first and its last copy.</summary>
    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Nothing_is_left_for_the_first_step(Accelerator kind)
    {
        using Device device = Accelerators.Open(kind);
        using MnistSampler sampler = MnistSampler.Load(device);
        SamplerDescription d = sampler.Description;
        using Execution run = device.CreateExecution(sampler.Weights, d.BytesPerImage, d.Vectors, 2);
        var own = (IlgpuExecution)run;
        KernelCache kernels = ((IlgpuDevice)device).Kernels;
        run.Prepare(() =>
        {
            sampler.RunBegin(run);
            for (int step = 0; step < d.Steps.Count; step++) sampler.RunStep(step, run);
        });
        Assert.Equal(0, own.LaunchCount);
        (int compiled, long bytes, long waits) = (kernels.Count, own.ScratchBytes, own.WaitCount);
        Assert.True(compiled > 8 && bytes > 0, $"{compiled} kernels, {bytes} bytes");

        run.Begin(DrawnImage.Consecutive(1, 7, 0, 2f), [4, d.NullLabel], default);
        sampler.RunStep(0, run);
        Assert.Equal(compiled, kernels.Count);
        Assert.Equal(bytes, own.ScratchBytes);
        // The labels; and where copies cannot be queued, the offsets of the guided combination and the solver's statements.
        Assert.Equal(waits + (kind == Accelerator.Cuda ? 1 : 3), own.WaitCount);
        output.WriteLine($"{device.Name}: {compiled} kernels, {own.LaunchCount} launches a step");
    }

    private static double Decibels(float[] expected, float[] actual)
    {
        double error = expected.Zip(actual, (e, a) => (double)(e - a) * (e - a)).Average();
        // Pixels span 2: from −1 to 1.
        return error == 0 ? double.PositiveInfinity : 10 * Math.Log10(4 / error);
    }

    private static float[] State(Sampler sampler, int step)
    {
        SamplerDescription d = sampler.Description;
        int elements = d.Height * d.Width * d.Channels;
        using Execution run = sampler.Device.CreateExecution(sampler.Weights, d.BytesPerImage, d.Vectors, 1);
        run.Begin(DrawnImage.Consecutive(1, 7, 0, 1f), [4], default);
        sampler.RunBegin(run);
        sampler.RunStep(step, run);
        var state = new float[elements];
        run.Read(d.Latent, elements, state);
        return state;
    }
}
