namespace Specializer.Kernels.Tests;

public unsafe class SoftmaxTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(77)]
    [InlineData(1029)]
    public void Exponentials_equal_the_plain_loop(int length)
    {
        int padded = (length + 15) & ~15;
        float[] scores = [.. Values.Floats(new(length), length, 20f), .. Enumerable.Repeat(float.NaN, padded - length)], plain = [.. scores[..length]];
        float inverse;
        fixed (float* x = plain) inverse = Softmax.PlainExponentials(x, length);
        foreach (bool wide in (bool[])[false, true])
        {
            float[] actual = [.. scores];
            fixed (float* x = actual) Values.Same([inverse], [Softmax.Exponentials(x, length, wide)]);
            Values.Same([.. plain, .. new float[((length + 7) & ~7) - length]], actual[..((length + 7) & ~7)]);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(77)]
    [InlineData(1029)]
    public void Words_equal_the_plain_loop(int length)
    {
        float[] scores = [.. Values.Floats(new(length), length, 20f), .. Enumerable.Repeat(float.NaN, 16)], plain = [.. scores[..length]];
        float inverse;
        fixed (float* x = plain) inverse = Softmax.PlainExponentials(x, length);
        short[] expected = [.. plain.Select(e => (short)Softmax.QuantizedExponential(e)), .. new short[((length + 3) & ~3) - length]];
        foreach (bool wide in (bool[])[false, true])
        {
            float[] actual = [.. scores];
            fixed (float* x = actual)
            {
                Values.Same([inverse], [Softmax.QuantizedExponentials(x, length, wide)]);
                Assert.Equal(expected, new Span<short>(x, expected.Length).ToArray());
            }
        }
    }
}
