using System.Diagnostics;
using System.Text.Json;
using Specializer.GpuBenchmarks.Measurement;
using Specializer.GpuBenchmarks.Shapes;

namespace Specializer.GpuBenchmarks.PyTorch;

/// <summary>The same layers in PyTorch, where a Python with torch and a CUDA device is.</summary>
internal static class PyTorchRun
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    /// <summary>What it measured, and why nothing where it did not.</summary>
    public static (PyTorchRow[] Rows, string? Missing) Measure(string python, IEnumerable<Layer> layers, IEnumerable<int> batches)
    {
        string request = JsonSerializer.Serialize(new { layers = layers.Distinct().Select(Describe), batches });
        var start = new ProcessStartInfo(python) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "PyTorch", "layers.py"));
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> errors = process.StandardError.ReadToEndAsync();
            try
            {
                process.StandardInput.Write(request);
                process.StandardInput.Close();
            }
            catch (IOException)
            {
                // It has ended before it read everything; its message says why.
            }

            string answer = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            if (process.ExitCode == 0) return (JsonSerializer.Deserialize<PyTorchRow[]>(answer, Json)!, null);
            return ([], LastLine(errors.Result));
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or JsonException)
        {
            return ([], e.Message);
        }
    }

    private static object Describe(Layer layer) => layer switch
    {
        ConvolutionLayer { Case: var c } => new { kind = "convolution", name = layer.ToString(), size = c.InputSize, inputs = c.Inputs, outputs = c.Outputs, kernel = c.KernelSize, stride = c.Stride, upsample = c.Upsample },
        NormLayer n => new { kind = "norm", name = layer.ToString(), size = n.Size, inputs = n.Channels },
        AttentionLayer a => (object)new { kind = "attention", name = layer.ToString(), size = a.Size, heads = a.Heads, inputs = a.Channels },
        _ => throw new NotSupportedException(layer.ToString()),
    };

    private static string LastLine(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault() ?? "it ended without a word";
}
