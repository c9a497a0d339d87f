using System.Globalization;
using Microsoft.ML.OnnxRuntime;
using Specializer.Benchmarks.Measurement;
using Specializer.Benchmarks.Models;
using Specializer.Calibration;
using Specializer.Calibration.Export;
using Specializer.Manifest;

namespace Specializer.Benchmarks.Commands;

/// <summary>One evaluation of a model folder's network, or of a part of a pipeline, by ONNX Runtime, from the files that <c>specializer export</c> writes, beside ours. Of any size: one of the two networks is in memory at a time.</summary>
internal sealed class FolderCheck
{
    /// <summary>Of the largest value.</summary>
    private const double Tolerance = 1e-3;

    private const int Timestep = 500;

    private readonly BenchmarkModel _model;
    private readonly bool _labels;
    private readonly Func<string, (string Input, string Output)> _export;

    /// <param name="model">What is evaluated here; its table of timesteps has that of the evaluation alone.</param>
    /// <param name="export">Writes it to a path, and says what its state and its result are called there.</param>
    private FolderCheck(BenchmarkModel model, Func<string, (string, string)> export) => (_model, _labels, _export) = (model, model.Network.Embedding.Classes > 0, export);

    /// <param name="folder">A model's folder, or the one of a part.</param>
    /// <param name="part">Which part; null for a network with timesteps.</param>
    /// <param name="size">Rows and columns of what goes into a part; of a text encoder tokens, and of a network those of its condition, if it has one.</param>
    public static bool Run(DirectoryInfo folder, PipelinePart? part, int size) => (part is { } chosen ? OfPart(folder, chosen, size) : OfModel(folder, size)).Run();

    private static FolderCheck OfModel(DirectoryInfo folder, int tokens)
    {
        ImportedModel model = DiffusersImporter.Load(folder.FullName, folder.Name, tokens: tokens);
        return new(new($"{model.Name}, {model.Height}×{model.Width}×{model.Channels}", model.Network, model.Tensors([Timestep])), path =>
        {
            using FileStream output = File.Create(path), data = File.Create($"{path}.data");
            OnnxExport.Write(model, output, new(data, Path.GetFileName(data.Name)));
            return ("sample", "epsilon");
        });
    }

    private static FolderCheck OfPart(DirectoryInfo folder, PipelinePart part, int size) => new(BenchmarkModel.FromPart(folder, part, size), path =>
    {
        using FileStream output = File.Create(path);
        return OnnxPartExport.Write(folder.FullName, part, output, size, size);
    });

    private bool Run()
    {
        Map[] inputs = [.. _model.Network.AllInputs().Select(name => _model.Network.Maps.Single(m => m.Name == name))];
        float[][] values = [State(), .. _model.Conditions(1).Select(c => c.Values)];
        float[] ours = Ours(inputs, values), theirs = InOnnxRuntime(inputs, values);
        double largest = ours.Max(v => Math.Abs((double)v)), difference = NetworkRun.LargestDifference(ours, theirs);
        bool agrees = difference <= Tolerance * largest;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{_model.Name}: largest difference to ONNX Runtime {OnnxSession.Version} {difference:E1}, {difference / largest:E1} of the largest value {largest:F2} (at most {Tolerance:E0})"));
        return agrees;
    }

    /// <summary>Noise or tokens; before a codebook rows of it, for between two of them rounding would choose.</summary>
    private float[] State()
    {
        if (_model.Network.Operations.OfType<CodebookOperation>().FirstOrDefault(o => o.Input == _model.Network.Latent) is not { } codebook) return _model.States(1);
        float[][] rows = [.. _model.Tensors[$"{codebook.Name}.weight"].Chunk(_model.Latent.Channels)];
        var random = new Random(20);
        return [.. Enumerable.Range(0, (int)_model.Latent.Pixels).SelectMany(_ => rows[random.Next(rows.Length)])];
    }

    private float[] Ours(Map[] inputs, float[][] values)
    {
        using var device = new CpuDevice();
        using var evaluator = new NetworkEvaluator(_model.Network, 1, _model.Bytes, device, 1);
        for (int i = 1; i < inputs.Length; i++) evaluator.Give(inputs[i].Name, values[i]);
        Map output = _model.Network.Maps.Single(m => m.Name == _model.Network.Epsilon);
        var epsilon = new float[output.Pixels * output.Channels];
        evaluator.Evaluate(0, InterpretedStep.Float32, values[0], _labels ? [0] : [], epsilon);
        return output.Height == 1 ? epsilon : NetworkRun.ToPlanes(epsilon, output);
    }

    private float[] InOnnxRuntime(Map[] inputs, float[][] values)
    {
        DirectoryInfo files = Directory.CreateTempSubdirectory("specializer-");
        try
        {
            string path = Path.Combine(files.FullName, "model.onnx");
            var (state, result) = _export(path);
            using var session = new InferenceSession(path);
            using var options = new RunOptions();
            var tensors = new Dictionary<string, OrtValue>(StringComparer.Ordinal);
            foreach (var (map, input) in inputs.Zip(values)) tensors.Add(map.Name == _model.Network.Latent ? state : map.Name, Tensor(map, input));
            if (_model.Network.Embedding.Vectors > 0) tensors.Add("timestep", Number(Timestep));
            if (_labels) tensors.Add("label", Number(0));
            try
            {
                using IDisposableReadOnlyCollection<OrtValue> results = session.Run(options, tensors, [result]);
                return results[0].GetTensorDataAsSpan<float>().ToArray();
            }
            finally
            {
                foreach (OrtValue value in tensors.Values) value.Dispose();
            }
        }
        finally
        {
            files.Delete(recursive: true);
        }
    }

    /// <summary>A map as the exported network takes it: one of one row is a list of tokens, which lies in memory as our own does, or of their numbers.</summary>
    private OrtValue Tensor(Map map, float[] values) => map.Name == _model.Network.Latent && _model.Vocabulary > 0
        ? OrtValue.CreateTensorValueFromMemory(Array.ConvertAll(values, v => (long)v), [1, map.Pixels])
        : map.Height == 1 ? OrtValue.CreateTensorValueFromMemory(values, [1, map.Width, map.Channels])
        : OrtValue.CreateTensorValueFromMemory(NetworkRun.ToPlanes(values, map), [1, map.Channels, map.Height, map.Width]);

    private static OrtValue Number(long value) => OrtValue.CreateTensorValueFromMemory((long[])[value], [1]);
}
