using ILGPU;

namespace Specializer.Ilgpu.Kernels;

/// <summary>A map of every image of the batch.</summary>
internal struct BatchView<T>
    where T : unmanaged
{
    public ArrayView<T> Elements;
    /// <summary>Elements from image to image.</summary>
    public int Stride;

    public readonly ArrayView<T> Image(int image) => Elements.SubView((long)image * Stride, Stride);

    /// <summary>Four elements in one load: maps start at multiples of 64 bytes, and so do their images.</summary>
    public readonly Quad<T> Quads(int image, int index) => Elements.Cast<Quad<T>>()[(long)image * (Stride / 4) + index];
}

/// <summary>Four 32-bit words that are loaded or stored together.</summary>
internal struct Quad<T>
    where T : unmanaged
{
    public T A, B, C, D;
}

/// <summary>A launch's share of the work: every thread takes the items Start, Start + Step, … Any grid computes everything, so one thread
/// per processor is as right as a million of them.</summary>
internal static class Share
{
    public static int Start => Grid.GlobalIndex.X;
    public static int Step => Grid.DimX * Group.DimX;
}
