namespace Specializer.Calibration.Tests;

public class OutputRegressionTests
{
    private const int Outputs = 3, Size = 20, Columns = 4000;

    private static readonly float[] s_weights = new Gaussian(1).Values(Outputs * Size), s_bias = new Gaussian(2).Values(Outputs);

    private static readonly QuantizedWeights s_current = WeightRounding.Nearest(s_weights, s_bias, 4);

    /// <summary>Inputs are what they were in FP32: whatever its rounding did, nothing but the layer's own weights is nearest.</summary>
    [Fact]
    public void Without_an_error_before_the_layer_its_weights_stay()
    {
        var (weights, bias) = Regress(s_weights, s_bias, 1).Solve();
        Assert.All(s_weights.Zip(weights), w => Assert.Equal(w.First, w.Second, 2e-3f));
        Assert.All(s_bias.Zip(bias), b => Assert.Equal(b.First, b.Second, 2e-3f));
    }

    [Fact]
    public void What_the_layer_can_make_up_for_it_does()
    {
        // What would have been added behind the layer, and is not: a part that follows the inputs, and a constant.
        float[] wanted = [.. s_weights.Zip(new Gaussian(5).Values(s_weights.Length), (w, d) => w + 0.1f * d)], offset = [.. s_bias.Select(b => b + 0.5f)];
        var (weights, bias) = Regress(wanted, offset, 1).Solve();
        double before = 0, after = 0;
        double[] mean = new double[Outputs];
        foreach (float[] column in Inputs())
        {
            for (int o = 0; o < Outputs; o++)
            {
                double target = Output(wanted, offset, column, o), left = target - Output(weights, bias, column, o);
                before += Math.Pow(target - Output(s_weights, s_bias, column, o), 2);
                after += left * left;
                mean[o] += left / Columns;
            }
        }

        Assert.True(after < 0.02 * before, $"{before}, {after}");
        Assert.All(mean, m => Assert.Equal(0, m, 1e-3));
    }

    [Fact]
    public void Threads_do_not_show()
    {
        var (weights, bias) = Regress(s_bias.Concat(s_weights.Skip(Outputs)).ToArray(), s_bias, 1).Solve();
        var (others, otherBias) = Regress(s_bias.Concat(s_weights.Skip(Outputs)).ToArray(), s_bias, 3).Solve();
        Assert.Equal(weights, others);
        Assert.Equal(bias, otherBias);
    }

    [Fact]
    public void Inputs_that_are_always_zero_change_nothing()
    {
        var regression = new OutputRegression(s_weights, s_current, 0, 1);
        for (int i = 0; i < 10; i++) regression.Add(new float[Size], [1, 2, 3]);
        var (weights, bias) = regression.Solve();
        Assert.Equal(s_weights, weights);
        Assert.All(bias.Select((b, o) => b - s_current.Bias[o]), (d, o) => Assert.Equal(o + 1, d, 1e-5f));
    }

    private static OutputRegression Regress(float[] wanted, float[] offset, int threads)
    {
        float[] current = [.. s_current.Values.Select((v, i) => s_current.Scales[i / Size] * v)];
        var regression = new OutputRegression(s_weights, s_current, 8, threads);
        foreach (float[] column in Inputs())
            regression.Add(column, [.. Enumerable.Range(0, Outputs).Select(o => (float)(Output(wanted, offset, column, o) - Output(current, s_current.Bias, column, o)))]);
        return regression;
    }

    private static IEnumerable<float[]> Inputs()
    {
        float[] values = new Gaussian(4).Values(Columns * Size);
        for (int n = 0; n < Columns; n++)
        {
            float[] column = values[(n * Size)..((n + 1) * Size)];
            // Dependent on each other, and not about zero.
            for (int j = 1; j < Size; j++) column[j] = 0.5f * (column[j] + column[j - 1]) + 0.25f;
            yield return column;
        }
    }

    private static double Output(float[] weights, float[] bias, float[] column, int o)
    {
        double sum = bias[o];
        for (int j = 0; j < Size; j++) sum += (double)weights[o * Size + j] * column[j];
        return sum;
    }
}
