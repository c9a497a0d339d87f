namespace Specializer.Calibration.Tests;

public class ColumnMomentsTests
{
    [Theory]
    [InlineData(1, new[] { 1 })]
    [InlineData(4608, new[] { 4608 })]
    [InlineData(4609, new[] { 2304, 2305 })]
    [InlineData(11_520, new[] { 3840, 3840, 3840 })]
    public void A_long_column_has_as_few_and_as_equal_blocks_as_there_can_be(int size, int[] blocks) => Assert.Equal(blocks, ColumnMoments.Sizes(size));

    /// <summary>Nothing but the sums grows with a layer, so that no memory is spent on one that saw no input yet.</summary>
    [Fact]
    public void Memory_is_what_was_said_before()
    {
        foreach (int size in (int[])[300, 577, 1000])
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            var moments = new InputMoments(size, 1);
            long empty = GC.GetAllocatedBytesForCurrentThread() - before;
            moments.Add(new float[128 * size]);
            long all = GC.GetAllocatedBytesForCurrentThread() - before - 128 * size * sizeof(float);
            Assert.InRange(all, 0.98 * InputMoments.Bytes(size), 1.02 * InputMoments.Bytes(size) + 1024);
            Assert.InRange(empty, 0, 70L * size * sizeof(float) + 1024);
        }
    }

    [Fact]
    public void Blocks_round_as_layers_of_their_own_would_but_for_the_scale_that_they_share()
    {
        const int columns = 60, outputs = 11, count = 900;
        float[] inputs = new Gaussian(3).Values(columns * count), weights = new Gaussian(4).Values(columns * outputs);
        // Neighbours are alike, as in pictures.
        for (int i = 1; i < inputs.Length; i++) inputs[i] = 0.4f * inputs[i] + 0.9f * inputs[i - 1];
        InputMoments left = new(25, 8), right = new(35, 8);
        for (int n = 0; n < count; n++)
        {
            left.Add(inputs.AsSpan(n * columns, 25));
            right.Add(inputs.AsSpan(n * columns + 25, 35));
        }

        QuantizedWeights both = WeightRounding.SecondOrder(weights, new float[outputs], 4, DampedHessian.Of([left, right], 1), 2), nearest = WeightRounding.Nearest(weights, new float[outputs], 4);
        Assert.True(Loss(both) < 0.7 * Loss(nearest));
        // A channel's integers do not depend on which others it is rounded with.
        for (int o = 0; o < outputs; o++)
        {
            QuantizedWeights alone = WeightRounding.SecondOrder(weights[(o * columns)..((o + 1) * columns)], new float[1], 4, DampedHessian.Of([left, right], 1));
            Assert.Equal(alone.Values, both.Values[(o * columns)..((o + 1) * columns)]);
            Assert.Equal((alone.Scales[0], alone.Bias[0]), (both.Scales[o], both.Bias[o]));
        }

        double Loss(QuantizedWeights q) => Enumerable.Range(0, outputs).Sum(o => Block(q, o, 0, left) + Block(q, o, 25, right));

        double Block(QuantizedWeights q, int o, int first, InputMoments moments)
        {
            double[] h = moments.Covariance(), e = [.. Enumerable.Range(first, moments.Size).Select(j => weights[o * columns + j] - (double)q.Scales[o] * q.Values[o * columns + j])];
            return Enumerable.Range(0, e.Length).Sum(i => e[i] * Enumerable.Range(0, e.Length).Sum(j => h[i * e.Length + j] * e[j]));
        }
    }
}
