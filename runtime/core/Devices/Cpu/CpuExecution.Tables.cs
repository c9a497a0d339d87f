using Specializer.Kernels;

namespace Specializer;

internal sealed unsafe partial class CpuExecution
{
    public override void LookUp<TShape>(TableWeights weights, Activation ids, Activation y, int rows, int tableBits = 32, TShape shape = default)
    {
        Enter();
        CheckTableBits(tableBits);
        (int tokens, int channels) = PixelsOf(shape);
        Map from = Floats(ids, tokens), to = Floats(y, (long)tokens * channels);
        _weights.Find(weights, rows, tableBits, tokens, channels, out byte* table, out float* positions);
        var work = new LookUpWork
        {
            Tokens = tokens, Channels = channels, Rows = rows, Table = table, IsHalf = tableBits == 16, Positions = positions, Ids = from.Start, IdsStride = from.Stride, Y = to.Start, YStride = to.Stride,
        };
        Run(Batch * tokens, ref work, Grain(channels, 0.5));
    }

    public override void FindNearest<TShape>(TableWeights weights, Activation x, Activation y, int rows, TShape shape = default)
    {
        Enter();
        (int pixels, int channels) = PixelsOf(shape);
        Map from = Floats(x, (long)pixels * channels), to = Floats(y, (long)pixels * channels);
        _weights.Find(weights, rows, 32, 0, channels, out byte* codebook, out _);
        var work = new NearestWork
        {
            Pixels = pixels, Channels = channels, Rows = rows, Codebook = (float*)codebook,
            X = from.Start, XStride = from.Stride, Y = to.Start, YStride = to.Stride,
        };
        Run(Batch * pixels, ref work, Grain((long)rows * channels, 1));
    }

    public override void Select<TShape>(Activation x, Activation ids, Activation y, int id, TShape shape = default)
    {
        Enter();
        (int pixels, int channels) = PixelsOf(shape);
        Map from = Floats(x, (long)pixels * channels), numbers = Floats(ids, pixels), to = Floats(y, channels);
        var work = new SelectWork
        {
            Pixels = pixels, Channels = channels, Id = id, X = from.Start, XStride = from.Stride, Ids = numbers.Start, IdsStride = numbers.Stride, Y = to.Start, YStride = to.Stride,
        };
        Run(Batch, ref work, Grain(channels, 0.5));
    }
}
