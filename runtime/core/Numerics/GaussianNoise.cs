using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Specializer.Numerics;

/// <summary>Standard normal noise in which every element is a pure function of (seed, image, step, element).</summary>
/// <remarks>
/// Philox key: the seed. Counter: element / 4, step, low and high word of the image. Its words w0..w3 become uniforms
/// u = (w >> 9)·2^−23 + 2^−24, exact and inside (0, 1), and by Box and Muller the elements
/// √(−2 ln u0)·(cos 2πu1, sin 2πu1), √(−2 ln u2)·(cos 2πu3, sin 2πu3). |result| &lt; 5.77.
/// </remarks>
internal static class GaussianNoise
{
    /// <summary>The step of the initial state; the solver's steps count from 0.</summary>
    public const int InitialState = -1;

    /// <summary>Elements that are computed together: four for each of eight counters.</summary>
    private const int Block = 32;

    /// <summary>Fills <paramref name="destination"/> with the elements from <paramref name="firstElement"/> on.</summary>
    /// <param name="destination">Result; any length.</param>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="image">Index of the image.</param>
    /// <param name="step">Index of the step, or <see cref="InitialState"/>.</param>
    /// <param name="firstElement">In [0, 2^34 − length].</param>
    public static void Fill(Span<float> destination, ulong seed, long image, int step, long firstElement = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(firstElement);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstElement, (1L << 34) - destination.Length);
        Span<float> block = stackalloc float[Block];
        while (!destination.IsEmpty)
        {
            // A block always starts at a multiple of its size, so no element depends on how a range was split.
            var skip = (int)(firstElement % Block);
            var count = Math.Min(Block - skip, destination.Length);
            var whole = count == Block;
            FillBlock(whole ? destination[..Block] : block, seed, image, step, (uint)((firstElement - skip) / 4));
            if (!whole)
                block.Slice(skip, count).CopyTo(destination);
            destination = destination[count..];
            firstElement += count;
        }
    }

    private static void FillBlock(Span<float> block, ulong seed, long image, int step, uint counter)
    {
        var (w0, w1, w2, w3) = Philox.Words(
            Vector256.Create(counter) + Vector256<uint>.Indices,
            Vector256.Create((uint)step), Vector256.Create((uint)image), Vector256.Create((uint)((ulong)image >> 32)), seed);
        var (n0, n1) = BoxMuller(w0, w1);
        var (n2, n3) = BoxMuller(w2, w3);

        // Lane i of n0..n3 are the four elements of counter i: a transposition of 4 × 8.
        Span<Vector256<float>> columns = [n0, n1, n2, n3];
        var rows = MemoryMarshal.Cast<Vector256<float>, float>(columns);
        for (var i = 0; i < Block; i++)
            block[i] = rows[i % 4 * 8 + i / 4];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<float>, Vector256<float>) BoxMuller(Vector256<uint> radiusWord, Vector256<uint> angleWord)
    {
        var radius = Vector256.Sqrt(Vector256.Create(-2f) * Transcendental.Log(Uniform(radiusWord)));
        var (sin, cos) = Transcendental.SinCosTurns(Uniform(angleWord));
        return (radius * cos, radius * sin);
    }

    /// <summary>The middle of one of 2^23 equal parts of (0, 1).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Uniform(Vector256<uint> word) =>
        Vector256.ConvertToSingle((word >>> 9).AsInt32()) * Vector256.Create(1f / (1 << 23)) + Vector256.Create(1f / (1 << 24));
}
