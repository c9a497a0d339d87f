using System.Runtime.Intrinsics;
using Specializer.Numerics;

namespace Specializer.Calibration;

/// <summary>A residual block's projection of the time embedding.</summary>
/// <param name="Weight">[channels, width].</param>
/// <param name="Bias">[channels].</param>
internal sealed record TimeProjection(Func<float[]> Weight, Func<float[]> Bias);

/// <summary>How a timestep becomes the vectors inside residual blocks: sinusoids, random Fourier features or a row of a table, a two-layer MLP, and one projection a block. For a known
/// list of timesteps the MLP is a table.</summary>
/// <remarks>Ho et al. 2020, appendix B, in the variants of diffusers' <c>get_timestep_embedding</c>. Sums and functions run in FP64
/// and are rounded to FP32 once, so that the last bits in which platforms' functions differ do not show.</remarks>
internal sealed class TimeEmbedding
{
    /// <summary>N of the factor N/t that a prediction which is divided by the timestep t is multiplied by; its last weights are divided by N.</summary>
    public const float Dividend = 1024;

    private readonly UNetConfiguration _configuration;
    private readonly IReadOnlyList<TimeProjection> _projections;
    private readonly Func<float[]>? _table, _labels, _lastBias, _guidance;
    private readonly Func<Func<float[], float[]>> _mlp;

    /// <param name="configuration">The network's.</param>
    /// <param name="source">Its tensors.</param>
    /// <param name="projections">Those that become step vectors; none where the embedding goes on in the network.</param>
    public TimeEmbedding(UNetConfiguration configuration, SourceTensors source, IReadOnlyList<TimeProjection> projections)
    {
        _configuration = configuration;
        _projections = projections;
        int width = configuration.EmbeddingWidth, inputs = configuration.TimeFeatures;
        if (configuration is { Classes: > 0, EmbedsInNetwork: false })
            _labels = configuration.ClassVector is null ? source.Take("class_embedding.weight", configuration.Classes, width) : Numbers(TakeMlp(source, "class_embedding", inputs, width), configuration.Classes);
        if (configuration.LearnedTimesteps is { } rows) _table = source.Take("time_proj.weight", rows, inputs);
        if (configuration.Fourier)
        {
            _table = source.Take("time_proj.weight", inputs / 2);
            _lastBias = source.Take("conv_out.bias", configuration.OutputChannels);
        }

        if (configuration.GuidanceFeatures > 0) _guidance = source.Take("time_embedding.cond_proj.weight", inputs, configuration.GuidanceFeatures);
        _mlp = TakeMlp(source, "time_embedding", inputs, width);
    }

    /// <summary>The embedding's tensors (see <see cref="Manifest.Embedding"/>) with one row for each timestep, which may be fractional where it is not looked up in a table.</summary>
    /// <param name="timesteps">The timesteps.</param>
    /// <param name="guidance">What the scale of guidance is to a network that reads it (<see cref="Guidance"/>): the same numbers at all timesteps, or some for each; none where nothing is added for it.</param>
    /// <exception cref="ArgumentOutOfRangeException">A learned table has no such row.</exception>
    public DeferredTensors Tensors(IReadOnlyList<float> timesteps, params IReadOnlyList<float[]> guidance)
    {
        var rows = new Lazy<float[][]>(() => Rows(timesteps, guidance));
        var tensors = new DeferredTensors();
        if (_labels is not null)
        {
            tensors.Add("embedding.time", () => [.. rows.Value.SelectMany(r => r)]);
            tensors.Add("embedding.label", Labels);
            tensors.Add("embedding.weight", () => [.. _projections.SelectMany(p => p.Weight())]);
            tensors.Add("embedding.bias", () => [.. _projections.SelectMany(p => p.Bias())]);
            return tensors;
        }

        // Behind zeros, so that the operation that adds a row multiplies by 1 + 0.
        var vectors = new Lazy<float[]>(() => Divide(timesteps, _configuration.EmbedsInNetwork
            ? [.. rows.Value.Select(r => (float[])[.. new float[r.Length], .. r])]
            : Project([.. rows.Value.Select(r => Apply(_configuration.Activation, r))])));
        tensors.Add("embedding.vectors", () => vectors.Value);
        return tensors;
    }

    /// <summary>Whether the embedding is one of a timestep's logarithm.</summary>
    public bool IsOfLogarithm => _configuration.Fourier;

    /// <summary>Whether there is an embedding of a timestep: a learned table has rows for whole ones, and 0 has no logarithm.</summary>
    public bool Has(float timestep) => _configuration.Fourier ? timestep > 0 : _configuration.LearnedTimesteps is not { } rows || (timestep >= 0 && timestep < rows && timestep == MathF.Floor(timestep));

    /// <summary>The embedding of one timestep, before the non-linearity that each block applies.</summary>
    public float[] Row(float timestep) => Rows([timestep], [])[0];

    /// <summary>What a network that embeds labels which are numbers reads of them, image by image.</summary>
    /// <param name="labels">One for each image.</param>
    public float[] LabelFeatures(IEnumerable<float> labels) => [.. labels.SelectMany(Features())];

    // Per step.
    private float[][] Project(float[][] activated)
    {
        var projected = new List<float[][]>();
        foreach (TimeProjection projection in _projections)
        {
            float[] weight = projection.Weight(), bias = projection.Bias();
            projected.Add([.. activated.Select(row => Linear(weight, bias, row))]);
        }

        return [.. Enumerable.Range(0, activated.Length).Select(step => (float[])[.. projected.SelectMany(p => p[step])])];
    }

    // Before zeros, where labels stand behind.
    private float[][] Rows(IReadOnlyList<float> timesteps, IReadOnlyList<float[]> guidance)
    {
        Func<float[], float[]> mlp = _mlp();
        Func<float, float[]> features = Features();
        float[] weight = guidance.Count == 0 ? [] : _guidance!(), none = new float[_configuration.TimeFeatures];
        float[][] added = [.. guidance.Select(numbers => Linear(weight, none, numbers))];
        return [.. timesteps.Select((t, step) => (float[])[.. mlp(added.Length == 0 ? features(t) : Sum(features(t), added[added.Length == 1 ? 0 : step])), .. new float[_configuration.BlockWidth - _configuration.EmbeddingWidth]])];
    }

    private float[] Labels() => !_configuration.ConcatenatesClass ? _labels!()
        : [.. _labels!().Chunk(_configuration.EmbeddingWidth).SelectMany(row => (float[])[.. new float[row.Length], .. row])];

    /// <summary>A table of the labels that are the first whole numbers.</summary>
    private Func<float[]> Numbers(Func<Func<float[], float[]>> mlp, int count) => () =>
        [.. Enumerable.Range(0, count).Select(label => (float)label).Select(Features()).SelectMany(mlp())];

    /// <summary>The step vectors, behind which those stand that divide a prediction by its timestep: factors less 1, offsets, and the bias of the last convolution.</summary>
    private float[] Divide(IReadOnlyList<float> timesteps, float[][] vectors)
    {
        if (_lastBias is null) return [.. vectors.SelectMany(v => v)];
        float[] bias = _lastBias(), none = new float[_configuration.Levels.Channels[0]];
        return [.. vectors.Zip(timesteps).SelectMany(step => (float[])[.. step.First, .. Enumerable.Repeat((float)((double)Dividend / step.Second - 1), none.Length), .. none, .. bias.Select(b => b / step.Second)])];
    }

    /// <summary>What a number is to the first layer of its MLP. What that takes is read once.</summary>
    private Func<float, float[]> Features()
    {
        if (_table is null) return Sinusoids;
        float[] table = _table();
        return _configuration.Fourier ? number => FourierFeatures(table, number) : number => LookUp(table, number);
    }

    /// <summary>A two-layer MLP, diffusers' <c>TimestepEmbedding</c>, which is read when it is asked for.</summary>
    private Func<Func<float[], float[]>> TakeMlp(SourceTensors source, string name, int inputs, int width)
    {
        Func<float[]> weight1 = source.Take($"{name}.linear_1.weight", width, inputs), bias1 = source.Take($"{name}.linear_1.bias", width);
        Func<float[]> weight2 = source.Take($"{name}.linear_2.weight", width, width), bias2 = source.Take($"{name}.linear_2.bias", width);
        return () =>
        {
            float[] w1 = weight1(), b1 = bias1(), w2 = weight2(), b2 = bias2();
            return x => Linear(w2, b2, Apply(_configuration.OuterActivation, Linear(w1, b1, x)));
        };
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

    /// <summary>Numbers that the scale of guidance is to a network that reads it; 0 for one that reads none.</summary>
    public int GuidanceFeatures => _configuration.GuidanceFeatures;

    /// <summary>What a scale of guidance is to a network that reads it: sin and cos of 1000·(scale − 1) at frequencies from 1 to 1/10000, and a zero behind them where their number is odd.</summary>
    /// <remarks>Luo et al. 2023, as diffusers' <c>get_guidance_scale_embedding</c>.</remarks>
    public float[] Guidance(double scale)
    {
        int half = GuidanceFeatures / 2;
        var values = new float[GuidanceFeatures];
        // Rounded where diffusers rounds: the angles have thousands of radians.
        float number = (float)(scale - 1) * 1000, rate = -((float)Math.Log(10000) / (half - 1));
        for (int i = 0; i < half; i++)
        {
            float angle = number * (float)Math.Exp(i * rate);
            (values[i], values[half + i]) = ((float)Math.Sin(angle), (float)Math.Cos(angle));
        }

        return values;
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

    /// <summary>sin and cos of 2π·w·ln t for each frequency w.</summary>
    private static float[] FourierFeatures(float[] frequencies, float number)
    {
        var values = new float[2 * frequencies.Length];
        // Rounded where diffusers rounds: the angles have hundreds of radians.
        float logarithm = (float)Math.Log(number);
        for (int i = 0; i < frequencies.Length; i++)
        {
            float angle = logarithm * frequencies[i] * 2 * MathF.PI;
            (values[i], values[frequencies.Length + i]) = ((float)Math.Sin(angle), (float)Math.Cos(angle));
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

    private static float[] Sum(float[] a, float[] b) => [.. a.Zip(b, (x, y) => x + y)];

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
