using System.Runtime.CompilerServices;

namespace Specializer.Calibration.Tests;

public class GarbageTests
{
    /// <summary>What has been dropped goes when it is large, although nothing else asks for memory. Other tests that free as much between two lines would hide the growth, so there are a few attempts.</summary>
    [Fact]
    public void What_was_dropped_is_collected()
    {
        bool collected = false;
        for (int attempt = 0; attempt < 5 && !collected; attempt++)
        {
            Garbage.Collect();
            WeakReference dropped = Drop();
            Garbage.Collect();
            collected = !dropped.IsAlive;
        }

        Assert.True(collected);
    }

    // On its own, so that no register holds the array. Nothing writes to it: it takes no pages.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Drop() => new(new byte[600 << 20]);
}
