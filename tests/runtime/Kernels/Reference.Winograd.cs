namespace Specializer.Kernels;

internal static partial class Reference
{
    /// <summary>The sums of an FP32 convolution by F(2×2, 3×3), [pixel][output].</summary>
    private static float[] WinogradSums(ConvolutionGeometry g, float[] x, float[] weights)
    {
        int channels = g.InputChannels;
        var result = new float[g.OutputPixels * g.OutputChannels];
        float[][] kernels = [.. Enumerable.Range(0, g.OutputChannels * channels).Select(i => BothWays(3, tap => weights[(i / channels * 9 + tap) * channels + i % channels], Kernel))];
        for (int row = 0; row < g.OutputHeight; row += 2)
            for (int column = 0; column < g.OutputWidth; column += 2)
            {
                int[] pixels = [.. Enumerable.Range(0, 16).Select(i => InputAt(g, row + i / 4, column + i % 4))];
                float[][] inputs = [.. Enumerable.Range(0, channels).Select(c => BothWays(4, i => pixels[i] < 0 ? 0f : x[pixels[i] * channels + c], Input))];
                for (int output = 0; output < g.OutputChannels; output++)
                {
                    var sums = new float[16];
                    for (int c = 0; c < channels; c++)
                        for (int i = 0; i < 16; i++)
                            sums[i] = MathF.FusedMultiplyAdd(inputs[c][i], kernels[output * channels + c][i], sums[i]);
                    float[] patch = BothWays(4, i => sums[i], Output);
                    for (int y = row; y < Math.Min(row + 2, g.OutputHeight); y++)
                        for (int z = column; z < Math.Min(column + 2, g.OutputWidth); z++)
                            result[(y * g.OutputWidth + z) * g.OutputChannels + output] = patch[2 * (y - row) + z - column];
                }
            }

        return result;

        static float[] Input(float[] v) => [v[0] - v[2], v[1] + v[2], v[2] - v[1], v[1] - v[3]];
        static float[] Kernel(float[] v) => [v[0], (v[0] + v[2] + v[1]) * 0.5f, (v[0] + v[2] - v[1]) * 0.5f, v[2]];
        static float[] Output(float[] v) => [v[0] + v[1] + v[2], v[1] - v[2] - v[3]];
    }

    /// <summary>Transforms a square's columns, then the rows of the result.</summary>
    private static float[] BothWays(int size, Func<int, float> square, Func<float[], float[]> transform)
    {
        float[][] columns = [.. Enumerable.Range(0, size).Select(x => transform([.. Enumerable.Range(0, size).Select(y => square(y * size + x))]))];
        return [.. Enumerable.Range(0, columns[0].Length).SelectMany(y => transform([.. columns.Select(column => column[y])]))];
    }
}
