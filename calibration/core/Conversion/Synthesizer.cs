using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Specializer.Formats;
using Specializer.Manifest;
using Specializer.Numerics;

namespace Specializer.Calibration.Conversion;

/// <summary>Writes pipelines of published models with seeded random weights in F16: of full size, without a download, of no artistic merit.</summary>
/// <remarks>Weights are normal with variance 1/fan-in, so that activations keep their size; norms are 1 and 0; other biases have a standard deviation of 0.02, as the embeddings of texts.
/// Each number depends on the seed, the tensor's name and its place in it, on nothing else.</remarks>
public static class Synthesizer
{
    private const double Small = 0.02;

    /// <summary>Names of the models that there are.</summary>
    public static IReadOnlyList<string> Models { get; } = [.. PipelineRecipe.All.Select(r => r.Name)];

    /// <summary>Writes a pipeline, tensor by tensor.</summary>
    /// <param name="model">One of <see cref="Models"/>.</param>
    /// <param name="folder">Must not exist, or be empty.</param>
    /// <param name="seed">Of the weights.</param>
    /// <param name="progress">Told before each file.</param>
    /// <param name="cancellationToken">Acts between files.</param>
    /// <returns>Bytes written.</returns>
    /// <exception cref="ArgumentException">There is no such model.</exception>
    /// <exception cref="IOException">The folder is not empty, its disk has not enough room (said before the work), or a file cannot be written.</exception>
    public static long Write(string model, string folder, ulong seed = 0, IProgress<CalibrationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        PipelineRecipe recipe = PipelineRecipe.All.FirstOrDefault(r => r.Name == model)
            ?? throw new ArgumentException($"There is no model {Names.Quote(model)}; there are {string.Join(", ", Models)}.", nameof(model));
        return Write(recipe, folder, seed, progress, cancellationToken);
    }

    internal static long Write(PipelineRecipe recipe, string folder, ulong seed, IProgress<CalibrationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var writer = new PipelineFolderWriter();
        writer.AddText("model_index.json", recipe.Index);
        writer.AddText("scheduler/scheduler_config.json", recipe.Scheduler + "\n");
        foreach (RecipeComponent component in recipe.Components)
        {
            writer.AddText($"{component.Folder}/config.json", component.Configuration + "\n");
            foreach (var (name, text) in component.TokenizerFiles()) writer.AddText($"{component.Folder.Replace("text_encoder", "tokenizer", StringComparison.Ordinal)}/{name}", text);
            writer.AddWeights($"{component.Folder}/{component.WeightsFile}",
                component.Tensors().Select(t => new StreamedTensor(t.Key, DType.F16, [.. t.Value.Select(e => (long)e)], stream => Fill(stream, component.Folder, t.Key, t.Value, seed, cancellationToken))));
        }

        writer.Write(folder, progress, cancellationToken);
        return writer.Bytes;
    }

    private static void Fill(Stream stream, string component, string name, int[] shape, ulong seed, CancellationToken cancellationToken)
    {
        var (mean, deviation) = Distribution(name, shape);
        long elements = shape.Aggregate(1L, (product, extent) => product * extent);
        long key = BinaryPrimitives.ReadInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes($"{component}/{name}")));
        var numbers = new float[Math.Min(1 << 16, elements)];
        var halves = new Half[numbers.Length];
        for (long first = 0; first < elements; first += halves.Length)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int count = (int)Math.Min(halves.Length, elements - first);
            if (deviation > 0) GaussianNoise.Fill(numbers.AsSpan(0, count), seed, key, GaussianNoise.InitialState, first);
            for (int i = 0; i < count; i++) halves[i] = (Half)(mean + deviation * numbers[i]);
            stream.Write(MemoryMarshal.AsBytes(halves.AsSpan(0, count)));
        }
    }

    private static (float Mean, float Deviation) Distribution(string name, int[] shape)
    {
        string[] path = name.Split('.');
        bool norm = shape.Length == 1 && path[^2].Contains("norm", StringComparison.Ordinal);
        if (shape.Length == 1) return norm ? (path[^1] == "weight" ? 1 : 0, 0) : (0, (float)Small);
        if (name.StartsWith("text_model.embeddings", StringComparison.Ordinal)) return (0, (float)Small);
        // Rows of a table are read as they are.
        if (path[^2] is "embedding" or "class_embedding") return (0, 1);
        return (0, (float)(1 / Math.Sqrt(shape.Skip(1).Aggregate(1L, (product, extent) => product * extent))));
    }
}
