using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Specializer.Kernels;

/// <summary>A vector whose width is a type argument, so that one formula serves 256 and 512 bits, for which .NET has no common type.</summary>
/// <typeparam name="TSelf">The vector.</typeparam>
/// <typeparam name="T">An integer, one a lane.</typeparam>
internal unsafe interface ILanes<TSelf, T>
    where TSelf : unmanaged, ILanes<TSelf, T>
    where T : unmanaged
{
    /// <summary>Lanes.</summary>
    static abstract int Count { get; }

    /// <summary>The same in all lanes.</summary>
    static abstract TSelf Create(T value);

    static abstract TSelf Load(void* from);

    /// <summary>Of lanes of 16 bits: a byte each.</summary>
    static abstract TSelf LoadBytes(byte* from);

    void Store(void* to);

    static abstract TSelf operator +(TSelf a, TSelf b);

    static abstract TSelf operator -(TSelf a, TSelf b);

    static abstract TSelf operator *(TSelf a, TSelf b);

    static abstract TSelf operator <<(TSelf a, int bits);

    static abstract TSelf operator >>(TSelf a, int bits);
}

/// <summary>256 bits.</summary>
internal readonly unsafe struct Lanes256<T>(Vector256<T> value) : ILanes<Lanes256<T>, T>
    where T : unmanaged
{
    private readonly Vector256<T> _value = value;

    public static int Count => Vector256<T>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> Create(T value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> Load(void* from) => new(Vector256.Load((T*)from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> LoadBytes(byte* from) => new(Vector256.WidenLower(Vector128.Load(from).ToVector256Unsafe()).As<ushort, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(void* to) => _value.Store((T*)to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> operator +(Lanes256<T> a, Lanes256<T> b) => new(a._value + b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> operator -(Lanes256<T> a, Lanes256<T> b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> operator *(Lanes256<T> a, Lanes256<T> b) => new(a._value * b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> operator <<(Lanes256<T> a, int bits) => new(a._value << bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<T> operator >>(Lanes256<T> a, int bits) => new(a._value >> bits);
}

/// <summary>512 bits.</summary>
internal readonly unsafe struct Lanes512<T>(Vector512<T> value) : ILanes<Lanes512<T>, T>
    where T : unmanaged
{
    private readonly Vector512<T> _value = value;

    public static int Count => Vector512<T>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> Create(T value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> Load(void* from) => new(Vector512.Load((T*)from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> LoadBytes(byte* from) => new(Vector512.WidenLower(Vector256.Load(from).ToVector512Unsafe()).As<ushort, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(void* to) => _value.Store((T*)to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> operator +(Lanes512<T> a, Lanes512<T> b) => new(a._value + b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> operator -(Lanes512<T> a, Lanes512<T> b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> operator *(Lanes512<T> a, Lanes512<T> b) => new(a._value * b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> operator <<(Lanes512<T> a, int bits) => new(a._value << bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<T> operator >>(Lanes512<T> a, int bits) => new(a._value >> bits);
}
