using Specializer.Calibration;
using Specializer.Formats;
using Specializer.Reporting;
using Specializer.Tests;

namespace Specializer.Generated.Tests;

/// <summary>An independent classifier reads quantized digits as well as FP32 ones.</summary>
public sealed class LabelAccuracyTests
{
    private const int Count = 100;

    // With 100 images a few more misreadings are chance; `specializer evaluate` measures a thousand.
    private const int Margin = 6;

    [SharedFact("data/mnist/classifier.safetensors")]
    [Trait("Duration", "Long")]
    public void Quantized_digits_are_read_as_their_labels_as_often_as_float32_ones()
    {
        using var device = new CpuDevice();
        using MnistSampler quantized = MnistSampler.Load(device);
        ImportedModel model = DiffusersImporter.Load(Path.GetDirectoryName(InterpretedImages.Manifest)!);
        using InterpretedSampler float32 = InterpretedSampler.Float32(model, quantized.Description.Steps.Count, eta: 1, device: device);
        int[] labels = [.. Enumerable.Range(0, Count).Select(i => i % 10)];

        int read = Correct(quantized.Sample(new() { Count = Count, Seed = 1, Labels = labels }));
        int reference = Correct(float32.Sample(new() { Count = Count, Seed = 1, Labels = labels }));

        Assert.InRange(reference, 80, Count);
        Assert.InRange(read, reference - Margin, Count);

        int Correct(ImageBatch images)
        {
            float[] pixels = [.. images.Pixels.ToArray().Select(x => (float)ImageGrid.ToByte(x))];
            return DigitClassifier.Open(SharedData.Mnist).Classify(pixels).Labels.Zip(labels).Count(pair => pair.First == pair.Second);
        }
    }
}
