using Specializer.Ilgpu.Intrinsics;

namespace Specializer.Ilgpu.Kernels;

/// <summary>Sums of four rows by four columns, in registers.</summary>
internal struct FloatTile
{
    public Quad<float> Row0, Row1, Row2, Row3;

    /// <summary>Adds the products of a column of four with a row of four.</summary>
    public void Add(float x0, float x1, float x2, float x3, Quad<float> w)
    {
        Row0 = Add(Row0, x0, w);
        Row1 = Add(Row1, x1, w);
        Row2 = Add(Row2, x2, w);
        Row3 = Add(Row3, x3, w);
    }

    private static Quad<float> Add(Quad<float> sum, float x, Quad<float> w) => new()
    {
        A = ExactMath.FusedMultiplyAdd(x, w.A, sum.A), B = ExactMath.FusedMultiplyAdd(x, w.B, sum.B),
        C = ExactMath.FusedMultiplyAdd(x, w.C, sum.C), D = ExactMath.FusedMultiplyAdd(x, w.D, sum.D),
    };
}

/// <summary>Sums of four rows by four columns; an operand is four bytes of a row or column.</summary>
internal struct IntegerTile
{
    public Quad<int> Row0, Row1, Row2, Row3;

    public void Add(int x0, int x1, int x2, int x3, Quad<int> w)
    {
        Row0 = Add(Row0, x0, w);
        Row1 = Add(Row1, x1, w);
        Row2 = Add(Row2, x2, w);
        Row3 = Add(Row3, x3, w);
    }

    private static Quad<int> Add(Quad<int> sum, int x, Quad<int> w) => new()
    {
        A = ExactMath.Dot(x, w.A, sum.A), B = ExactMath.Dot(x, w.B, sum.B), C = ExactMath.Dot(x, w.C, sum.C), D = ExactMath.Dot(x, w.D, sum.D),
    };
}
