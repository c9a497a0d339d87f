using System.Diagnostics;
using System.Text.Json;
using Specializer.GpuBenchmarks.Measurement;
using Specializer.GpuBenchmarks.Report;
using Specializer.GpuBenchmarks.Shapes;

namespace Specializer.GpuBenchmarks.PyTorch;

/// <summary>The same layers and the whole step in PyTorch, where a Python with torch and a CUDA device is.</summary>
internal static class PyTorchRun
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    /// <summary>Hands every row to <paramref name="row"/> as it comes. Returns why nothing more came, or null.</summary>
    public static string? Measure(string python, IEnumerable<Layer> layers, IEnumerable<int> batches, TimeBox box, Action<PyTorchRow> row)
    {
        string request = JsonSerializer.Serialize(new { layers = layers.Distinct().Select(Describe), batches, seconds = box.Left.TotalSeconds });
        var start = new ProcessStartInfo(python) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "PyTorch", "layers.py"));
        try
        {
            using Process process = Process.Start(start)!;
            string last = "it ended without a word";
            process.ErrorDataReceived += (_, e) => last = string.IsNullOrWhiteSpace(e.Data) ? last : e.Data.Trim();
            process.OutputDataReceived += (_, e) =>
            {
                if (e.Data is not { Length: > 0 } line || line[0] != '{') return;
                row(JsonSerializer.Deserialize<PyTorchRow>(line, Json)!);
            };
            process.BeginErrorReadLine();
            process.BeginOutputReadLine();
            try
            {
                process.StandardInput.Write(request);
                process.StandardInput.Close();
            }
            catch (IOException)
            {
                // It has ended before it read everything; its message says why.
            }

            if (!process.WaitForExit(box.Left))
            {
                process.Kill(entireProcessTree: true);
                process.WaitForExit();
                return $"stopped after its time; its last message: {last}";
            }

            process.WaitForExit();
            return process.ExitCode == 0 ? null : last;
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or JsonException)
        {
            return e.Message;
        }
    }

    private static object Describe(Layer layer) => layer switch
    {
        ConvolutionLayer { Case: var c } => new { kind = "convolution", name = layer.ToString(), size = c.InputSize, inputs = c.Inputs, outputs = c.Outputs, kernel = c.KernelSize, stride = c.Stride, upsample = c.Upsample },
        NormLayer n => new { kind = "norm", name = layer.ToString(), size = n.Size, inputs = n.Channels },
        AttentionLayer a => (object)new { kind = "attention", name = layer.ToString(), size = a.Size, heads = a.Heads, inputs = a.Channels },
        _ => throw new NotSupportedException(layer.ToString()),
    };
}
