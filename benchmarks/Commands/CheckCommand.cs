using System.CommandLine;
using System.Globalization;
using Specializer.Benchmarks.Measurement;
using Specializer.Benchmarks.Models;
using Specializer.Calibration;
using Specializer.Calibration.Export;

namespace Specializer.Benchmarks.Commands;

/// <summary>Whether ONNX Runtime computes from the exported model what we compute from the network.</summary>
internal static class CheckCommand
{
    private const double Tolerance = 1e-4;

    public static Command Create()
    {
        var networks = new NetworkOptions();
        var command = new Command("check", "Compares our FP32 output with ONNX Runtime's of the exported model; fails above 1e-4, with --folder, of any size, above 1e-3 of the largest value.");
        networks.AddTo(command);
        command.SetAction(options =>
        {
            if (networks.Folder(options) is var (folder, part, size)) return FolderCheck.Run(folder, part, size) ? 0 : 1;
            bool agree = true;
            foreach (BenchmarkModel network in networks.Networks(options)) agree &= Check(network);
            return agree ? 0 : 1;
        });
        return command;
    }

    private static bool Check(BenchmarkModel model)
    {
        const int batch = 2;
        using var device = new CpuDevice();
        using var ours = new NetworkRun(model.Network, model.Bytes, [InterpretedStep.Float32], model, device, batch);
        var collector = new RangeCollector(ours.Interpreter);
        ours.Run(collector.Observe);
        float[] expected = NetworkRun.ToPlanes(ours.Epsilon(), model.Latent);
        double fp32 = Difference(null, ours.Vectors()), whole = Difference(null, null), int8 = Difference(collector.Ranges, ours.Vectors()), dynamic = Difference(null, ours.Vectors(), dynamic: true);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{model.Name}: largest difference to ONNX Runtime {OnnxSession.Version}: FP32 {fp32:E1}, with its own embedding {whole:E1} (at most {Tolerance:E0}), int8 {int8:E1}, dynamic {dynamic:E1}, of values up to {expected.Max(Math.Abs):F2}"));
        return fp32 <= Tolerance && whole <= Tolerance;

        double Difference(ActivationRanges? ranges, float[]? vectors, bool dynamic = false)
        {
            var (session, epsilon) = NetworkRun.InOnnxRuntime(model, ranges, dynamic, vectors, 1, batch);
            using (session) session.Run();
            return NetworkRun.LargestDifference(expected, epsilon);
        }
    }
}
