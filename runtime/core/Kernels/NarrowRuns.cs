using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Specializer.Kernels;

/// <summary>How long 4-bit products are gathered in 16 bits before they are moved to 32: a tap's blocks fall into equal runs, and the sums are moved after some of them.</summary>
/// <param name="Blocks">Blocks of a run, at most a tap's.</param>
/// <param name="FlushAfter">Runs after which the narrow sums are moved; more than one only when a run is a whole tap.</param>
/// <remarks>Additions wrap, so only the sum that is moved must fit. It lies between −levels·N and levels·P, where P and N add a lane's positive
/// and negative weights; the actual weights allow far more than weights of the largest magnitude would.</remarks>
internal readonly record struct NarrowRuns(int Blocks, int FlushAfter)
{
    /// <summary>The least moves that these weights allow, for activations up to <paramref name="levels"/>.</summary>
    /// <param name="panels">Packed 4-bit panels (docs/weights.md).</param>
    /// <param name="count">Panels.</param>
    /// <param name="taps">Taps of a panel.</param>
    /// <param name="blocks">Blocks of a tap.</param>
    /// <param name="levels">Largest activation.</param>
    public static unsafe NarrowRuns Of(byte* panels, int count, int taps, int blocks, int levels)
    {
        // So many blocks need no look at the weights: a lane adds the products of two channels of a block.
        int least = short.MaxValue / (2 * NibbleTile.LargestWeight * levels), most = Math.Min(short.MaxValue / levels, short.MaxValue - 1);
        if (taps * blocks <= least) return new(blocks, taps);
        var sums = new Vector256<short>[taps * 4];
        for (int parts = 1; ; parts++)
        {
            int run = (blocks + parts - 1) / parts;
            if (parts > 1 && run <= least) return new(run, 1);
            int moves = 1;
            for (int panel = 0; panel < count && moves <= taps; panel++)
            {
                byte* packed = panels + (long)panel * taps * blocks * NibbleTile.PackedBlockBytes;
                bool fits = true;
                for (int tap = 0; tap < taps; tap++)
                    for (int first = 0; first < blocks; first += run)
                    {
                        Span<Vector256<short>> four = sums.AsSpan(4 * tap, 4);
                        four.Clear();
                        Add(packed + ((long)tap * blocks + first) * NibbleTile.PackedBlockBytes, Math.Min(run, blocks - first), four);
                        fits &= Fits(four, most);
                    }

                if (!fits) moves = taps + 1;
                else if (parts == 1)
                    while (!Fits(sums, (taps + moves - 1) / moves, most)) moves++;
            }

            if (moves <= taps) return new(run, parts == 1 ? (taps + moves - 1) / moves : 1);
        }
    }

    /// <summary>Whether the sums of each group of taps stay within the limit.</summary>
    private static bool Fits(ReadOnlySpan<Vector256<short>> taps, int group, int most)
    {
        Span<Vector256<short>> sum = stackalloc Vector256<short>[4];
        for (int first = 0; first < taps.Length; first += 4 * group)
        {
            sum.Clear();
            for (int i = first; i < Math.Min(first + 4 * group, taps.Length); i++) sum[i % 4] = Vector256.AddSaturate(sum[i % 4], taps[i]);
            if (!Fits(sum, most)) return false;
        }

        return true;
    }

    private static bool Fits(ReadOnlySpan<Vector256<short>> sums, int most)
    {
        foreach (Vector256<short> lanes in sums)
            if (Vector256.GreaterThanAny(lanes, Vector256.Create((short)most))) return false;
        return true;
    }

    /// <summary>Adds a run's positive weights of outputs 0–7 and 8–15, then its negative ones, each lane two channels as the products are.</summary>
    private static unsafe void Add(byte* packed, int blocks, Span<Vector256<short>> sums)
    {
        byte* expanded = stackalloc byte[NibbleTile.ExpandedBlockBytes];
        for (; blocks > 0; blocks--, packed += NibbleTile.PackedBlockBytes)
        {
            NibbleTile.Expand(packed, expanded, 1);
            for (int half = 0; half < 2; half++)
            {
                Vector256<sbyte> w = Vector256.Load((sbyte*)expanded + 32 * half);
                sums[half] = Vector256.AddSaturate(sums[half], Pairs(w));
                sums[2 + half] = Vector256.AddSaturate(sums[2 + half], Pairs(-w));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Pairs(Vector256<sbyte> w) =>
        Dot.Adjacent(Vector256.Max(w, Vector256<sbyte>.Zero).AsByte(), Vector256<sbyte>.One);
}
