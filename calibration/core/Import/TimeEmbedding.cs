using Specializer.Numerics;

namespace Specializer.Calibration;

/// <summary>How a timestep becomes the vectors inside residual blocks: sinusoids, a two-layer MLP, and one projection a block. For a known
/// list of timesteps the MLP is a table.</summary>
/// <remarks>Ho et al. 2020, appendix B, in the variants of diffusers' <c>get_timestep_embedding</c>. Sums and functions run in FP64
/// and are rounded to FP32 once, so that the last bits in which platforms' functions differ do not show.</remarks>
internal sealed class TimeEmbedding
{
    private readonly UNetConfiguration _configuration;
    private readonly float[] _labels, _projection, _projectionBias, _weight1, _bias1, _weight2, _bias2;

    public TimeEmbedding(UNetConfiguration configuration, SourceTensors source, float[] labels, float[] projection, float[] projectionBias)
    {
        _configuration = configuration;
        (_labels, _projection, _projectionBias) = (labels, projection, projectionBias);
        int width = configuration.EmbeddingWidth;
        _weight1 = source.Take("time_embedding.linear_1.weight", width, configuration.BlockChannels[0]);
        _bias1 = source.Take("time_embedding.linear_1.bias", width);
        _weight2 = source.Take("time_embedding.linear_2.weight", width, width);
        _bias2 = source.Take("time_embedding.linear_2.bias", width);
    }

    /// <summary>The embedding's tensors (see <see cref="Manifest.Embedding"/>) with one row for each timestep, which may be fractional.</summary>
    public IReadOnlyDictionary<string, float[]> Tensors(IReadOnlyList<float> timesteps)
    {
        IEnumerable<float[]> rows = timesteps.Select(Row);
        if (_configuration.Classes == 0)
            return new Dictionary<string, float[]> { ["embedding.vectors"] = [.. rows.SelectMany(r => Linear(_projection, _projectionBias, Silu(r)))] };
        return new Dictionary<string, float[]>
        {
            ["embedding.time"] = [.. rows.SelectMany(r => r)],
            ["embedding.label"] = _labels,
            ["embedding.weight"] = _projection,
            ["embedding.bias"] = _projectionBias,
        };
    }

    /// <summary>The embedding of one timestep, before the non-linearity that each block applies.</summary>
    public float[] Row(float timestep) =>
        Linear(_weight2, _bias2, Silu(Linear(_weight1, _bias1, Sinusoids(timestep))));

    private float[] Sinusoids(float timestep)
    {
        int half = _configuration.BlockChannels[0] / 2;
        var values = new float[2 * half];
        // Each value is rounded to FP32 where diffusers rounds it: at t = 999 a frequency's last bit moves the angle by 6e-5.
        float rate = (float)-Math.Log(10000);
        for (int i = 0; i < half; i++)
        {
            float angle = timestep * (float)Math.Exp(rate * i / (half - _configuration.FrequencyShift));
            float sine = (float)Math.Sin(angle), cosine = (float)Math.Cos(angle);
            (values[i], values[half + i]) = _configuration.FlipSinToCos ? (cosine, sine) : (sine, cosine);
        }

        return values;
    }

    private static float[] Silu(float[] x) => [.. x.Select(Transcendental.Silu)];

    private static float[] Linear(float[] weight, float[] bias, float[] x)
    {
        var y = new float[bias.Length];
        for (int row = 0; row < y.Length; row++)
        {
            double sum = bias[row];
            for (int i = 0; i < x.Length; i++) sum += (double)weight[row * x.Length + i] * x[i];
            y[row] = (float)sum;
        }

        return y;
    }
}
