using System.Runtime.Intrinsics;
using Specializer.Numerics;

namespace Specializer.Calibration;

/// <summary>A residual block's projection of the time embedding.</summary>
/// <param name="Weight">[channels, width].</param>
/// <param name="Bias">[channels].</param>
internal sealed record TimeProjection(Func<float[]> Weight, Func<float[]> Bias);

/// <summary>How a timestep becomes the vectors inside residual blocks: sinusoids or a row of a table, a two-layer MLP, and one projection a block. For a known
/// list of timesteps the MLP is a table.</summary>
/// <remarks>Ho et al. 2020, appendix B, in the variants of diffusers' <c>get_timestep_embedding</c>. Sums and functions run in FP64
/// and are rounded to FP32 once, so that the last bits in which platforms' functions differ do not show.</remarks>
internal sealed class TimeEmbedding
{
    private readonly UNetConfiguration _configuration;
    private readonly IReadOnlyList<TimeProjection> _projections;
    private readonly Func<float[]>? _table, _labels;
    private readonly Func<float[]> _weight1, _bias1, _weight2, _bias2;

    /// <param name="configuration">The network's.</param>
    /// <param name="source">Its tensors.</param>
    /// <param name="projections">Those that become step vectors; none where the embedding goes on in the network.</param>
    public TimeEmbedding(UNetConfiguration configuration, SourceTensors source, IReadOnlyList<TimeProjection> projections)
    {
        _configuration = configuration;
        _projections = projections;
        int width = configuration.EmbeddingWidth, input = configuration.Levels.Channels[0];
        if (configuration is { Classes: > 0, EmbedsInNetwork: false }) _labels = source.Take("class_embedding.weight", configuration.Classes, width);
        if (configuration.LearnedTimesteps is { } rows) _table = source.Take("time_proj.weight", rows, input);
        _weight1 = source.Take("time_embedding.linear_1.weight", width, input);
        _bias1 = source.Take("time_embedding.linear_1.bias", width);
        _weight2 = source.Take("time_embedding.linear_2.weight", width, width);
        _bias2 = source.Take("time_embedding.linear_2.bias", width);
    }

    /// <summary>The embedding's tensors (see <see cref="Manifest.Embedding"/>) with one row for each timestep, which may be fractional where it is not looked up in a table.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A learned table has no such row.</exception>
    public DeferredTensors Tensors(IReadOnlyList<float> timesteps)
    {
        var rows = new Lazy<float[][]>(() => Rows(timesteps));
        var tensors = new DeferredTensors();
        if (_labels is not null)
        {
            tensors.Add("embedding.time", () => [.. rows.Value.SelectMany(r => r)]);
            tensors.Add("embedding.label", _labels);
            tensors.Add("embedding.weight", () => [.. _projections.SelectMany(p => p.Weight())]);
            tensors.Add("embedding.bias", () => [.. _projections.SelectMany(p => p.Bias())]);
            return tensors;
        }

        // Behind zeros, so that the operation that adds a row multiplies by 1 + 0.
        var vectors = new Lazy<float[]>(() => _configuration.EmbedsInNetwork
            ? [.. rows.Value.SelectMany(r => (float[])[.. new float[r.Length], .. r])]
            : Project([.. rows.Value.Select(r => Apply(_configuration.Activation, r))]));
        tensors.Add("embedding.vectors", () => vectors.Value);
        return tensors;
    }

    /// <summary>Whether there is an embedding of a timestep: a learned table has rows for whole ones.</summary>
    public bool Has(float timestep) => _configuration.LearnedTimesteps is not { } rows || (timestep >= 0 && timestep < rows && timestep == MathF.Floor(timestep));

    /// <summary>The embedding of one timestep, before the non-linearity that each block applies.</summary>
    public float[] Row(float timestep) => Rows([timestep])[0];

    private float[] Project(float[][] activated)
    {
        var projected = new List<float[][]>();
        foreach (TimeProjection projection in _projections)
        {
            float[] weight = projection.Weight(), bias = projection.Bias();
            projected.Add([.. activated.Select(row => Linear(weight, bias, row))]);
        }

        return [.. Enumerable.Range(0, activated.Length).SelectMany(step => projected.SelectMany(p => p[step]))];
    }

    private float[][] Rows(IReadOnlyList<float> timesteps)
    {
        float[] weight1 = _weight1(), bias1 = _bias1(), weight2 = _weight2(), bias2 = _bias2();
        float[]? table = _table?.Invoke();
        return [.. timesteps.Select(t => Linear(weight2, bias2, Apply(_configuration.OuterActivation, Linear(weight1, bias1, table is null ? Sinusoids(t) : LookUp(table, t)))))];
    }

    private float[] LookUp(float[] table, float timestep)
    {
        int channels = _configuration.Levels.Channels[0];
        return Has(timestep) ? table[((int)timestep * channels)..(((int)timestep + 1) * channels)]
            : throw new ArgumentOutOfRangeException(nameof(timestep), timestep, $"The learned table has rows 0 to {_configuration.LearnedTimesteps - 1} and nothing between.");
    }

    /// <summary>What a network with <see cref="Calibration.AddedConditions"/> reads: a text's summary, and behind it the sinusoids of each number.</summary>
    /// <param name="summary">The pooled embedding of a text.</param>
    /// <param name="numbers">Sizes, crops and the like, as Stable Diffusion XL's <c>time_ids</c>.</param>
    public float[] AddedConditions(ReadOnlySpan<float> summary, ReadOnlySpan<float> numbers)
    {
        return [.. summary, .. AddedSinusoids(_configuration, numbers)];
    }

    /// <summary>Sinusoids of the numbers that a network with <see cref="Calibration.AddedConditions"/> reads.</summary>
    /// <param name="configuration">The network's.</param>
    /// <param name="numbers">Sizes, crops and the like.</param>
    public static float[] AddedSinusoids(UNetConfiguration configuration, ReadOnlySpan<float> numbers)
    {
        int channels = configuration.Added?.TimeChannels ?? throw new InvalidOperationException("The network adds no such conditions.");
        List<float> values = [];
        foreach (float number in numbers) values.AddRange(Sinusoids(number, channels, configuration.FlipSinToCos, configuration.FrequencyShift));
        return [.. values];
    }

    private float[] Sinusoids(float timestep) => Sinusoids(timestep, _configuration.Levels.Channels[0], _configuration.FlipSinToCos, _configuration.FrequencyShift);

    /// <summary>sin and cos of a number at frequencies from 1 to about 1/10000.</summary>
    /// <param name="number">A timestep, or a size.</param>
    /// <param name="channels">Even.</param>
    /// <param name="cosinesFirst">Whether cosines stand before sines.</param>
    /// <param name="shift">0 or 1: subtracted from the number of frequencies in their exponent.</param>
    private static float[] Sinusoids(float number, int channels, bool cosinesFirst, int shift)
    {
        int half = channels / 2;
        var values = new float[2 * half];
        // Each value is rounded to FP32 where diffusers rounds it: at t = 999 a frequency's last bit moves the angle by 6e-5.
        float rate = (float)-Math.Log(10000);
        for (int i = 0; i < half; i++)
        {
            float angle = number * (float)Math.Exp(rate * i / (half - shift));
            float sine = (float)Math.Sin(angle), cosine = (float)Math.Cos(angle);
            (values[i], values[half + i]) = cosinesFirst ? (cosine, sine) : (sine, cosine);
        }

        return values;
    }

    private static float[] Apply(string function, float[] x) => [.. x.Select(v => function switch
    {
        "silu" => Transcendental.Silu(v),
        "gelu" => Transcendental.Gelu(Vector256.Create(v)).ToScalar(),
        "mish" => Transcendental.Mish(Vector256.Create(v)).ToScalar(),
        _ => MathF.Max(v, 0),
    })];

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
