using Microsoft.ML.OnnxRuntime;
using Specializer.Calibration.Export;

namespace Specializer.Calibration.Tests.Export;

public class OnnxExportTests
{
    private static readonly ImportedModel Model = DiffusersImporter.Load(ModelFolder.Source);

    private static byte[] Export(bool int8, int threads)
    {
        using var device = new CpuDevice(threads);
        var stream = new MemoryStream();
        OnnxExport.Write(Model, stream, int8: int8 ? new(device) : null);
        return stream.ToArray();
    }

    [Fact]
    public void The_model_takes_a_training_timestep_and_a_label()
    {
        byte[] bytes = Export(int8: false, threads: 1);
        var model = new OnnxModelReader(bytes);

        Assert.Equal(["sample", "timestep", "label"], model.Inputs);
        Assert.Equal([1000, 128], model.Tensors["embedding.time"].Dimensions);
        Assert.Equal(Model.Time.Row(980), model.Tensors["embedding.time"].Values<float>().AsSpan(980 * 128, 128).ToArray());
        Assert.Equal([11, 128], model.Tensors["embedding.label"].Dimensions);
        using GoldenFile golden = Golden();
        Assert.InRange(Difference(golden.Images("out.eps"), Predict(bytes, golden, [.. golden.Integers("in.t", 2).Select(t => (long)t)])), 0, 1e-5f);
    }

    [Fact]
    public void Int8_ranges_come_from_drawing_images_and_do_not_depend_on_threads()
    {
        byte[] bytes = Export(int8: true, threads: 1);
        Assert.Equal(bytes, Export(int8: true, threads: 2));

        // States of the sampler begin as unit noise: about ±4 over 3136 numbers, in 255 steps.
        var model = new OnnxModelReader(bytes);
        float scale = model.Tensors["sample.q_scale"].Values<float>()[0];
        Assert.InRange(scale * 255, 6, 10);
        // At a timestep where pure noise is what the sampler sees, too: beyond the ranges an error has no bound.
        using GoldenFile golden = Golden();
        Assert.InRange(Difference(Predict(Export(int8: false, threads: 1), golden, [980, 980]), Predict(bytes, golden, [980, 980])), 1e-4f, 0.3f);
    }

    [Fact]
    public void No_image_for_the_ranges_has_the_label_that_means_none()
    {
        // Each of them is a class that would be drawn, were it not the null label; so which it is shows in the ranges.
        Assert.Equal(4, new[] { 1, 4, 7, 9 }.Select(none => Convert.ToHexString(Ranges(none))).Distinct().Count());

        static byte[] Ranges(int none)
        {
            using var device = new CpuDevice(2);
            var stream = new MemoryStream();
            OnnxExport.Write(DiffusersImporter.Load(ModelFolder.Source, nullLabel: none), stream, int8: new(device));
            return System.Security.Cryptography.SHA256.HashData(stream.ToArray());
        }
    }

    /// <summary>ε of the two states that diffusers was asked about, in ONNX Runtime; one channel, so planes and pixels have the same order.</summary>
    private static float[] Predict(byte[] model, GoldenFile golden, long[] timesteps)
    {
        long[] labels = [.. golden.Integers("in.class_labels", 2).Select(label => (long)label)];
        using var session = new InferenceSession(model);
        using var options = new RunOptions();
        using OrtValue sample = OrtValue.CreateTensorValueFromMemory(golden.Images("in.x"), [2, 1, Model.Height, Model.Width]),
            timestep = OrtValue.CreateTensorValueFromMemory(timesteps, [2]), label = OrtValue.CreateTensorValueFromMemory(labels, [2]);
        using IDisposableReadOnlyCollection<OrtValue> results = session.Run(options, ["sample", "timestep", "label"], [sample, timestep, label], ["epsilon"]);
        return results[0].GetTensorDataAsSpan<float>().ToArray();
    }

    private static GoldenFile Golden() => new(Path.Combine(ModelFolder.Source, "golden.safetensors"), Model.Height, Model.Width, Model.Channels);

    private static float Difference(float[] a, float[] b) => a.Zip(b, (x, y) => MathF.Abs(x - y)).Max();

    [Fact]
    public void A_cancelled_export_stops()
    {
        using var device = new CpuDevice(1);
        Assert.ThrowsAny<OperationCanceledException>(() => OnnxExport.Write(Model, new MemoryStream(), int8: new(device), cancellationToken: new(canceled: true)));
    }
}
