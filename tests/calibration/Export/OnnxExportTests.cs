using Specializer.Calibration.Export;

namespace Specializer.Calibration.Tests.Export;

public class OnnxExportTests
{
    private static readonly ImportedModel Model = DiffusersImporter.Load(ModelFolder.Source);

    private static byte[] Export(bool int8, int threads)
    {
        using var device = new CpuDevice(threads);
        var stream = new MemoryStream();
        OnnxExport.Write(Model, stream, int8, device);
        return stream.ToArray();
    }

    [Fact]
    public void The_model_takes_a_training_timestep_and_a_label()
    {
        var model = new OnnxModelReader(Export(int8: false, threads: 1));

        Assert.Equal(["sample", "timestep", "label"], model.Inputs);
        Assert.Equal([1000, 128], model.Tensors["embedding.time"].Dimensions);
        Assert.Equal(Model.Time.Row(980), model.Tensors["embedding.time"].Values<float>().AsSpan(980 * 128, 128).ToArray());
        Assert.Equal([11, 128], model.Tensors["embedding.label"].Dimensions);
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
    }

    [Fact]
    public void A_cancelled_export_stops()
    {
        using var device = new CpuDevice(1);
        Assert.ThrowsAny<OperationCanceledException>(() => OnnxExport.Write(Model, new MemoryStream(), int8: true, device, new(canceled: true)));
    }
}
