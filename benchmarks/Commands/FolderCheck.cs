using System.Globalization;
using Microsoft.ML.OnnxRuntime;
using Specializer.Benchmarks.Measurement;
using Specializer.Calibration;
using Specializer.Calibration.Export;
using Specializer.Manifest;
using Specializer.Numerics;

namespace Specializer.Benchmarks.Commands;

/// <summary>One evaluation of a model folder's network by ONNX Runtime, from the files that <c>specializer export --external-data</c> writes, beside ours. Of any size: one of the two networks is in memory at a time.</summary>
internal static class FolderCheck
{
    /// <summary>Of the largest value.</summary>
    private const double Tolerance = 1e-3;

    private const int Timestep = 500;

    /// <param name="folder">A model's folder.</param>
    /// <param name="tokens">Tokens of its condition, if it has one.</param>
    public static bool Run(DirectoryInfo folder, int tokens)
    {
        ImportedModel model = DiffusersImporter.Load(folder.FullName, folder.Name, tokens: tokens);
        Map[] inputs = [.. model.Network.AllInputs().Select(name => model.Network.Maps.Single(m => m.Name == name))];
        float[][] values = [.. inputs.Select((map, i) => Noise(map, i))];
        float[] ours = Ours(model, inputs, values), theirs = InOnnxRuntime(model, inputs, values);
        double largest = ours.Max(v => Math.Abs((double)v)), difference = NetworkRun.LargestDifference(ours, theirs);
        bool agrees = difference <= Tolerance * largest;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{model.Name}, {model.Height}×{model.Width}×{model.Channels}: largest difference to ONNX Runtime {OnnxSession.Version} {difference:E1}, {difference / largest:E1} of the largest value {largest:F2} (at most {Tolerance:E0})"));
        return agrees;
    }

    private static float[] Ours(ImportedModel model, Map[] inputs, float[][] values)
    {
        using var device = new CpuDevice();
        using var evaluator = new NetworkEvaluator(model.Network, 1, model.TensorBytes([Timestep]), device, 1);
        for (int i = 1; i < inputs.Length; i++) evaluator.Give(inputs[i].Name, values[i]);
        Map output = model.Network.Maps.Single(m => m.Name == model.Network.Epsilon);
        var epsilon = new float[output.Pixels * output.Channels];
        evaluator.Evaluate(0, InterpretedStep.Float32, values[0], model.Network.Embedding.Classes > 0 ? [0] : [], epsilon);
        return NetworkRun.ToPlanes(epsilon, output);
    }

    private static float[] InOnnxRuntime(ImportedModel model, Map[] inputs, float[][] values)
    {
        DirectoryInfo files = Directory.CreateTempSubdirectory("specializer-");
        try
        {
            string path = Path.Combine(files.FullName, "model.onnx");
            using (FileStream output = File.Create(path), data = File.Create($"{path}.data")) OnnxExport.Write(model, output, data, Path.GetFileName(data.Name));
            using var session = new InferenceSession(path);
            using var options = new RunOptions();
            Map latent = inputs[0];
            var tensors = new Dictionary<string, OrtValue>(StringComparer.Ordinal)
            {
                ["sample"] = Tensor(NetworkRun.ToPlanes(values[0], latent), latent.Channels, latent.Height, latent.Width),
                ["timestep"] = OrtValue.CreateTensorValueFromMemory((long[])[Timestep], [1]),
            };
            if (model.Network.Embedding.Classes > 0) tensors.Add("label", OrtValue.CreateTensorValueFromMemory((long[])[0], [1]));
            // A map of one row is a list of tokens, which lies in memory as our own does.
            foreach (var (map, input) in inputs.Zip(values).Skip(1))
                tensors.Add(map.Name, map.Height == 1 ? Tensor(input, map.Width, map.Channels) : Tensor(NetworkRun.ToPlanes(input, map), map.Channels, map.Height, map.Width));
            try
            {
                using IDisposableReadOnlyCollection<OrtValue> results = session.Run(options, tensors, ["epsilon"]);
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

        static OrtValue Tensor(float[] values, params long[] dimensions) => OrtValue.CreateTensorValueFromMemory(values, [1, .. dimensions]);
    }

    private static float[] Noise(Map map, int input)
    {
        var values = new float[map.Pixels * map.Channels];
        GaussianNoise.Fill(values, seed: 20, image: input, GaussianNoise.InitialState);
        return values;
    }
}
