using Specializer.Ilgpu.Kernels;

namespace Specializer.Ilgpu;

internal sealed partial class IlgpuExecution
{
    public override void LookUp<TShape>(TableWeights weights, Activation ids, Activation y, int rows, int tableBits = 32, TShape shape = default)
    {
        Enter();
        CheckTableBits(tableBits);
        (int size, int channels) = PixelsOf(shape);
        long pixels = size;
        var a = new TableArguments { Shape = MapDimensions.Of(shape), Batch = Batch, Rows = rows, TableBits = tableBits, X = Floats(ids, pixels, Access.Read), Y = Floats(y, pixels * channels, Access.Write) };
        _weights.Find(weights, pixels, channels, ref a);
        Launch(TableKernels.LookUp, Batch * pixels * channels, a);
    }

    public override void FindNearest<TShape>(TableWeights weights, Activation x, Activation y, int rows, TShape shape = default)
    {
        Enter();
        (int size, int channels) = PixelsOf(shape);
        long pixels = size;
        var a = new TableArguments { Shape = MapDimensions.Of(shape), Batch = Batch, Rows = rows, TableBits = 32, X = Floats(x, pixels * channels, Access.Read), Y = Floats(y, pixels * channels, Access.Write) };
        _weights.Find(weights, 0, channels, ref a);
        Launch(TableKernels.FindNearest, Batch * pixels, a);
    }

    public override void Select<TShape>(Activation x, Activation ids, Activation y, int id, TShape shape = default)
    {
        Enter();
        (int size, int channels) = PixelsOf(shape);
        long pixels = size;
        var a = new SelectArguments { Shape = MapDimensions.Of(shape), Batch = Batch, Id = id, X = Floats(x, pixels * channels, Access.Read), Ids = Floats(ids, pixels, Access.Read), Y = Floats(y, channels, Access.Write) };
        Launch(TableKernels.Select, (long)Batch * channels, a);
    }
}
