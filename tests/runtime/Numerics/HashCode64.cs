namespace Specializer.Runtime.Tests.Numerics;

/// <summary>FNV-1a over the bits of floats: one number that stands for many results.</summary>
internal struct HashCode64()
{
    public ulong Value { get; private set; } = 14695981039346656037;

    public void Add(float x) => Value = (Value ^ BitConverter.SingleToUInt32Bits(x)) * 1099511628211;
}
