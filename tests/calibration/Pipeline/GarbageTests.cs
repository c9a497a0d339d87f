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

    /// <summary>What was held when the heap was smallest goes, too, when something large is to be made: H and R of the layer before.</summary>
    [Fact]
    public void Room_is_made_for_what_is_large()
    {
        WeakReference dropped = Hold();
        Garbage.Collect(room: 64 << 20);
        Assert.False(dropped.IsAlive);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Hold()
    {
        var held = new byte[100 << 20];
        Garbage.Collect(long.MaxValue);
        GC.KeepAlive(held);
        return new(held);
    }

    // On its own, so that no register holds the array. Nothing writes to it: it takes no pages.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Drop() => new(new byte[600 << 20]);
}
