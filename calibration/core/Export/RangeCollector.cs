using Specializer.Manifest;

namespace Specializer.Calibration.Export;

/// <summary>Collects the ranges that an int8 export needs while the FP32 network runs in the interpreter.</summary>
/// <remarks>The result of a convolution's products alone is nowhere in memory: residual and step vector are added in the same pass.
/// It is found back by subtracting them, from copies.</remarks>
internal sealed class RangeCollector
{
    private readonly NetworkInterpreter _interpreter;
    private readonly Dictionary<string, Map> _maps;
    private readonly IReadOnlyDictionary<ConvolutionOperation, WholeConvolution> _wholes;
    private readonly Dictionary<string, ValueRange> _mapRanges = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ValueRange> _results = new(StringComparer.Ordinal);
    private readonly Dictionary<string, float[]> _copies = new(StringComparer.Ordinal);
    private readonly HashSet<string> _residuals;
    private readonly string[] _given;

    /// <param name="interpreter">Of an FP32 network.</param>
    public RangeCollector(NetworkInterpreter interpreter)
    {
        _interpreter = interpreter;
        _maps = interpreter.Network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        _given = [interpreter.Network.Latent, .. interpreter.Network.Inputs];
        _wholes = WholeConvolution.In(interpreter.Network);
        _residuals = [.. interpreter.Network.Operations.OfType<ConvolutionOperation>().Select(o => o.Residual).OfType<string>()];
    }

    public ActivationRanges Ranges => new(_mapRanges, _results);

    /// <summary>An observer of the interpreter's runs.</summary>
    public void Observe(Operation operation, Execution run)
    {
        foreach (string given in operation.Inputs().Intersect(_given)) See(given, Read(given, run));
        foreach (string output in operation.Outputs())
        {
            float[] values = Read(output, run);
            See(output, values);
            if (_residuals.Contains(output)) _copies[output] = values;
            if (operation is ConvolutionOperation convolution && _wholes.TryGetValue(convolution, out WholeConvolution? whole)) SeeResult(whole, values, run);
        }
    }

    private void SeeResult(WholeConvolution whole, float[] sum, Execution run)
    {
        ConvolutionOperation last = whole.Last;
        int channels = _maps[last.Output].Channels, elements = _interpreter.Elements(last.Output), vectors = _interpreter.Network.Embedding.Vectors;
        var result = (float[])sum.Clone();
        float[]? residual = whole.Residual is null ? null : _copies[whole.Residual];
        float[] added = vectors == 0 ? [] : new float[run.Batch * vectors];
        if (vectors > 0) run.Read(_interpreter.Vectors, vectors, added);
        float scale = last.OutputScale.Single;
        for (int i = 0; i < result.Length; i++)
        {
            result[i] /= scale;
            if (residual is not null) result[i] -= residual[i];
            foreach (int vector in whole.Vectors) result[i] -= added[i / elements * vectors + vector + i % channels];
        }

        _results[whole.Name] = _results.GetValueOrDefault(whole.Name, ValueRange.Empty).Union(ValueRange.Of(result));
    }

    private void See(string map, float[] values) =>
        _mapRanges[map] = _mapRanges.GetValueOrDefault(map, ValueRange.Empty).Union(ValueRange.Of(values));

    private float[] Read(string map, Execution run)
    {
        int elements = _interpreter.Elements(map);
        var values = new float[run.Batch * elements];
        run.Read(_interpreter.Buffer(map), elements, values);
        return values;
    }
}
