namespace Specializer.Calibration.Tests;

public class WeightRoundingTests
{
    [Theory]
    [InlineData(4)]
    [InlineData(8)]
    public void ScaleIsNoWorseThanAnyOtherClippingFactor(int bits)
    {
        float[] row = new Gaussian(1).Values(300);
        row[17] = 9; // An outlier that min/max would follow.
        float scale = WeightScales.Search(row, 1, bits)[0];
        int limit = WeightScales.Limit(bits);
        double best = Error(row, scale, limit);
        Assert.True(best < 0.9 * Error(row, 9f / limit, limit) || bits == 8);
        for (double factor = 0.2; factor <= 1; factor += 0.003)
            Assert.True(best <= Error(row, 9 * factor / limit, limit) * 1.02, $"factor {factor}");
    }

    [Fact]
    public void ImportanceMovesTheScaleTowardsWhatMatters()
    {
        // The ones pull the scale below the 10.3/7 that the last weight needs.
        float[] row = [1f, 1f, 1f, 1f, 1f, 1f, 1f, 1f, 10.3f];
        float plain = WeightScales.Search(row, 1, 4)[0];
        float weighted = WeightScales.Search(row, 1, 4, [1, 1, 1, 1, 1, 1, 1, 1, 1000])[0];
        Assert.InRange(plain, 1.38f, 1.44f);
        Assert.Equal(10.3f / 7, weighted, 0.01f);
    }

    [Fact]
    public void ZerosGetAHarmlessScaleAndDamagedWeightsAnError()
    {
        Assert.Equal(1f, WeightScales.Search(new float[5], 1, 4)[0]);
        Assert.Throws<ArgumentException>(() => WeightScales.Search([1f, float.NaN], 1, 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => WeightScales.Search([1f], 1, 5));
    }

    [Theory]
    [InlineData(4, 9, 3)]
    [InlineData(8, 31, 5)]
    public void NearestRoundingIsNearest(int bits, int columns, int outputs)
    {
        float[] weights = new Gaussian(2).Values(columns * outputs);
        QuantizedWeights q = WeightRounding.Nearest(weights, new float[outputs], bits);
        int limit = WeightScales.Limit(bits);
        for (int i = 0; i < weights.Length; i++)
        {
            double scale = q.Scales[i / columns], error = Math.Abs(weights[i] - scale * q.Values[i]);
            Assert.True(error <= scale * 0.5000001 || Math.Abs((int)q.Values[i]) == limit);
            Assert.InRange(q.Values[i], -limit, limit);
        }
    }

    [Theory]
    [InlineData(4, 27, 6)]
    [InlineData(4, 130, 5)]
    [InlineData(8, 65, 3)]
    public void SecondOrderBeatsTextbookGptqWhichBeatsNearest(int bits, int columns, int outputs)
    {
        var (weights, inputs, moments) = Layer(columns, outputs, 2000);
        QuantizedWeights second = WeightRounding.SecondOrder(weights, new float[outputs], bits, DampedHessian.Of([moments], 1));
        QuantizedWeights nearest = WeightRounding.Nearest(weights, new float[outputs], bits);
        double ours = OutputError(weights, second, inputs, columns), theirs = OutputError(weights, TextbookGptq(weights, outputs, columns, bits, moments), inputs, columns);
        double baseline = OutputError(weights, nearest, inputs, columns);
        Assert.True(theirs < baseline, $"textbook {theirs}, nearest {baseline}");
        Assert.True(ours <= theirs, $"ours {ours}, textbook {theirs}");
        Assert.True(ours < 0.6 * baseline, $"ours {ours}, nearest {baseline}");
    }

    /// <summary>Products with H are updated as integers and scales change: the loss at the end is that of products made anew, and no integer by one more or less has a smaller one.</summary>
    [Theory]
    [InlineData(4, 19)]
    [InlineData(8, 11)]
    public void WhatIsUpdatedIsWhatMadeAnewWouldBe(int bits, int outputs)
    {
        const int half = 30, columns = 2 * half;
        var (weights, _, left) = Layer(half, outputs * 2, 500);
        var (_, _, right) = Layer(half, 1, 500, shift: 1);
        var hessian = DampedHessian.Of([left, right], 1);
        QuantizedWeights q = WeightRounding.SecondOrder(weights, new float[outputs], bits, hessian);
        double loss = 0, least = double.PositiveInfinity;
        for (int o = 0; o < outputs; o++)
        {
            double[] error = [.. Enumerable.Range(o * columns, columns).Select(i => weights[i] - (double)q.Scales[o] * q.Values[i])];
            foreach (HessianBlock b in hessian.Blocks)
            {
                for (int j = 0; j < b.Size; j++)
                {
                    double gradient = Enumerable.Range(0, b.Size).Sum(k => b.Hessian[j * b.Size + k] * error[b.First + k]);
                    loss += error[b.First + j] * gradient;
                    foreach (int change in (int[])[-1, 1])
                    {
                        if (Math.Abs(q.Values[o * columns + b.First + j] + change) > WeightScales.Limit(bits)) continue;
                        double step = -q.Scales[o] * change;
                        least = Math.Min(least, step * (2 * gradient + step * b.Hessian[j * b.Size + j]));
                    }
                }
            }
        }

        Assert.Equal(1, q.Loss / loss, 1e-9);
        Assert.True(least >= -1e-9 * loss, $"{least} of {loss}");
    }

    [Fact]
    public void TheMeanOfTheRoundingErrorMovesIntoTheBias()
    {
        const int columns = 40, outputs = 4;
        var (weights, inputs, moments) = Layer(columns, outputs, 3000, shift: 2);
        QuantizedWeights q = WeightRounding.SecondOrder(weights, new float[outputs], 4, DampedHessian.Of([moments], 1));
        for (int o = 0; o < outputs; o++)
        {
            double mean = 0;
            int count = inputs.Length / columns;
            for (int n = 0; n < count; n++)
            {
                double error = -q.Bias[o];
                for (int j = 0; j < columns; j++) error += (weights[o * columns + j] - (double)q.Scales[o] * q.Values[o * columns + j]) * inputs[n * columns + j];
                mean += error / count;
            }

            Assert.Equal(0, mean, 1e-4);
        }
    }

    [Fact]
    public void ThreadsDoNotShow()
    {
        var (weights, _, moments) = Layer(100, 7, 500);
        QuantizedWeights one = WeightRounding.SecondOrder(weights, new float[7], 4, DampedHessian.Of([moments], 1), 1), three = WeightRounding.SecondOrder(weights, new float[7], 4, DampedHessian.Of([moments], 1), 3);
        Assert.Equal(one.Values, three.Values);
        Assert.Equal(one.Scales, three.Scales);
        Assert.Equal(one.Bias, three.Bias);
        Assert.Equal(one.Loss, three.Loss);
    }

    [Fact]
    public void DeadInputsRoundToNearest()
    {
        var random = new Gaussian(5);
        const int columns = 12;
        float[] weights = random.Values(2 * columns), inputs = random.Values(400 * columns);
        for (int i = 0; i < inputs.Length; i++)
        {
            if (i % columns is 3 or 11) inputs[i] = 0;
        }

        var moments = new InputMoments(columns, 8f);
        moments.Add(inputs);
        QuantizedWeights q = WeightRounding.SecondOrder(weights, new float[2], 4, DampedHessian.Of([moments], 1));
        foreach (int i in (int[])[3, 11, columns + 3, columns + 11])
            Assert.Equal(WeightScales.Nearest(weights[i], q.Scales[i / columns], 7), q.Values[i]);

        var dead = new InputMoments(columns, 8f);
        dead.Add(new float[5 * columns]);
        Assert.All(WeightRounding.SecondOrder(weights, new float[2], 4, DampedHessian.Of([dead], 1)).Scales, s => Assert.True(float.IsFinite(s) && s > 0));
    }

    [Fact]
    public void WithoutSamplesItIsAnError() =>
        Assert.Contains("none were sampled", Assert.Throws<ArgumentException>(() => WeightRounding.SecondOrder(new float[4], new float[1], 4, DampedHessian.Of([new InputMoments(4, 1f)], 1))).Message);

    [Fact]
    public void FourBitsPackTwoToAByteRowByRow()
    {
        var q = new QuantizedWeights(4, [1, -7, 3, -1, 0, 7], [1, 1], [0, 0], 0);
        Assert.Equal([0x91, 0x03, 0x0F, 0x07], q.ToBytes());
        Assert.Equal([0x01, 0xF9, 0x03, 0xFF, 0x00, 0x07], (q with { Bits = 8 }).ToBytes());
    }

    private static (float[] Weights, float[] Inputs, InputMoments Moments) Layer(int columns, int outputs, int samples, double shift = 0.3)
    {
        var random = new Gaussian(3);
        float[] mix = random.Values(columns * columns, 0.6), inputs = new float[samples * columns];
        for (int n = 0; n < samples; n++)
        {
            float[] latent = random.Values(columns);
            for (int i = 0; i < columns; i++)
            {
                double x = shift + 0.3 * latent[i];
                for (int k = 0; k < Math.Min(4, columns); k++) x += mix[i * columns + k] * latent[k];
                inputs[n * columns + i] = (float)x;
            }
        }

        var moments = new InputMoments(columns, 8f);
        moments.Add(inputs);
        return (random.Values(outputs * columns, 0.1), inputs, moments);
    }

    /// <summary>Mean squared error of the outputs, whose mean the bias would take.</summary>
    private static double OutputError(float[] weights, QuantizedWeights q, float[] inputs, int columns)
    {
        double sum = 0;
        int count = inputs.Length / columns;
        for (int o = 0; o < q.Scales.Length; o++)
        {
            double mean = 0, square = 0;
            for (int n = 0; n < count; n++)
            {
                double e = 0;
                for (int j = 0; j < columns; j++) e += (weights[o * columns + j] - (double)q.Scales[o] * q.Values[o * columns + j]) * inputs[n * columns + j];
                mean += e / count;
                square += e * e / count;
            }

            sum += square - mean * mean;
        }

        return sum;
    }

    /// <summary>GPTQ as published: invert, factor the inverse, feed each column's error forward.</summary>
    private static QuantizedWeights TextbookGptq(float[] weights, int outputs, int n, int bits, InputMoments moments)
    {
        double[] h = moments.Covariance();
        double damping = 0;
        for (int j = 0; j < n; j++) damping += 0.01 * h[j * n + j] / n;
        for (int j = 0; j < n; j++) h[j * n + j] += damping;
        double[] inverse = Invert(h, n), upper = new double[n * n];
        // H⁻¹ = UᵀU, row by row.
        for (int i = 0; i < n; i++)
        {
            for (int j = i; j < n; j++)
            {
                double s = inverse[i * n + j];
                for (int k = 0; k < i; k++) s -= upper[k * n + i] * upper[k * n + j];
                upper[i * n + j] = i == j ? Math.Sqrt(s) : s / upper[i * n + i];
            }
        }

        float[] scales = WeightScales.Search(weights, outputs, bits);
        var values = new sbyte[weights.Length];
        for (int o = 0; o < outputs; o++)
        {
            double[] w = [.. weights.Skip(o * n).Take(n).Select(x => (double)x)];
            for (int j = 0; j < n; j++)
            {
                values[o * n + j] = (sbyte)WeightScales.Nearest(w[j], scales[o], WeightScales.Limit(bits));
                double error = (w[j] - (double)scales[o] * values[o * n + j]) / upper[j * n + j];
                for (int k = j; k < n; k++) w[k] -= error * upper[j * n + k];
            }
        }

        return new(bits, values, scales, new float[outputs], 0);
    }

    private static double[] Invert(double[] matrix, int n)
    {
        double[] a = [.. matrix], inverse = new double[n * n];
        for (int i = 0; i < n; i++) inverse[i * n + i] = 1;
        for (int p = 0; p < n; p++)
        {
            double pivot = a[p * n + p];
            for (int k = 0; k < n; k++) (a[p * n + k], inverse[p * n + k]) = (a[p * n + k] / pivot, inverse[p * n + k] / pivot);
            for (int i = 0; i < n; i++)
            {
                double f = a[i * n + p];
                if (i == p || f == 0) continue;
                for (int k = 0; k < n; k++)
                {
                    a[i * n + k] -= f * a[p * n + k];
                    inverse[i * n + k] -= f * inverse[p * n + k];
                }
            }
        }

        return inverse;
    }

    private static double Error(float[] row, double scale, int limit) =>
        row.Sum(w => Math.Pow(w - scale * WeightScales.Nearest(w, scale, limit), 2));
}
