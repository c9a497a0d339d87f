namespace Specializer.Kernels;

internal static partial class Reference
{
    /// <summary>Layer normalisation of one image [pixel][channel].</summary>
    public static float[] LayerNormalize(float[] x, float[] gamma, float[] beta, float epsilon) => [.. x.Chunk(gamma.Length).SelectMany(pixel =>
    {
        double sum = 0, square = 0;
        for (int lane = 0; lane < 8; lane++)
        {
            double partial = 0, squares = 0;
            for (int c = lane; c < pixel.Length; c += 8)
            {
                partial += pixel[c];
                squares += (double)pixel[c] * pixel[c];
            }

            sum += partial;
            square += squares;
        }

        double mean = sum / pixel.Length;
        float centre = (float)mean, scale = (float)(1 / Math.Sqrt(Math.Max(square / pixel.Length - mean * mean, 0) + epsilon));
        return pixel.Select((v, c) => MathF.FusedMultiplyAdd((v - centre) * scale, gamma[c], beta[c]));
    })];
}
