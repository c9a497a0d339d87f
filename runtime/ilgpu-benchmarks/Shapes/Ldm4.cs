namespace Specializer.GpuBenchmarks.Shapes;

/// <summary>The layers of LDM-4's class-conditional U-Net (cin256-v2), one evaluation: its model does not travel with the program, so its step is a sum over these. Left
/// out: layer norms, the gate of the feed-forward part, and cross attention, which is one vector for a single class token.</summary>
internal static class Ldm4
{
    private static readonly int[] Channels = [192, 384, 576, 960];

    public static IEnumerable<Layer> Layers()
    {
        var skips = new Stack<int>();
        int size = 64, current = Channels[0];
        yield return Convolution(size, 3, current);
        skips.Push(current);
        for (int level = 0; level < Channels.Length; level++)
        {
            for (int block = 0; block < 2; block++)
            {
                foreach (Layer layer in Block(size, current, Channels[level], attention: level > 0)) yield return layer;
                skips.Push(current = Channels[level]);
            }

            if (level == Channels.Length - 1) continue;
            yield return Convolution(size, current, current, stride: 2);
            skips.Push(current);
            size /= 2;
        }

        foreach (Layer layer in Block(size, current, current, attention: true).Concat(Block(size, current, current, attention: false))) yield return layer;
        for (int level = Channels.Length - 1; level >= 0; level--)
        {
            for (int block = 0; block < 3; block++)
            {
                foreach (Layer layer in Block(size, current + skips.Pop(), Channels[level], attention: level > 0)) yield return layer;
                current = Channels[level];
            }

            if (level == 0) continue;
            yield return Convolution(size, current, current, upsample: 2);
            size *= 2;
        }

        yield return new NormLayer(size, current);
        yield return Convolution(size, current, 3);
    }

    private static IEnumerable<Layer> Block(int size, int inputs, int outputs, bool attention)
    {
        yield return new NormLayer(size, inputs);
        yield return Convolution(size, inputs, outputs);
        yield return new NormLayer(size, outputs);
        yield return Convolution(size, outputs, outputs);
        if (inputs != outputs) yield return Linear(size, inputs, outputs);
        if (!attention) yield break;
        yield return new NormLayer(size, outputs);
        yield return Linear(size, outputs, outputs);
        yield return Linear(size, outputs, 3 * outputs);
        yield return new AttentionLayer(size, 1, outputs);
        yield return Linear(size, outputs, outputs);
        yield return Linear(size, outputs, 8 * outputs);
        yield return Linear(size, 4 * outputs, outputs);
        yield return Linear(size, outputs, outputs);
    }

    private static ConvolutionLayer Convolution(int size, int inputs, int outputs, int stride = 1, int upsample = 1) => new(new(size, inputs, outputs, 3, stride, upsample));

    private static ConvolutionLayer Linear(int size, int inputs, int outputs) => new(new(size, inputs, outputs, 1));
}
