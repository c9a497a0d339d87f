using Specializer.Ilgpu.Graphs;

namespace Specializer.Ilgpu.Tests.Graphs;

public class LaunchListTests
{
    [Fact]
    public void Kernel_grid_arguments_order_and_number_count()
    {
        Action<float> kernel = First;
        LaunchGrid grid = new(3, 64);
        LaunchList list = List(l => l.Add(kernel, grid, 1f), l => l.Add(kernel, grid, 2f));
        Assert.True(list.IsSame(List(l => l.Add(kernel, grid, 1f), l => l.Add(kernel, grid, 2f))));
        Assert.False(list.IsSame(List(l => l.Add(kernel, grid, 2f), l => l.Add(kernel, grid, 1f))));
        Assert.False(list.IsSame(List(l => l.Add(kernel, grid, 1f))));
        Assert.False(list.IsSame(List(l => l.Add(kernel, grid, 1f), l => l.Add(kernel, grid, 2f), l => l.Add(kernel, grid, 3f))));
        Assert.False(list.IsSame(List(l => l.Add(kernel, grid, 1f), l => l.Add(kernel, grid with { Groups = 4 }, 2f))));
        Assert.False(list.IsSame(List(l => l.Add(kernel, grid, 1f), l => l.Add(kernel, grid with { Threads = 32 }, 2f))));
        Assert.False(list.IsSame(List(l => l.Add(kernel, grid, 1f), l => l.Add<float>(Second, grid, 2f))));
        Assert.False(list.IsSame(List(l => l.Add(kernel, grid, 1f), l => l.Add<int>(Second, grid, 2))));
        // What was there before does not matter.
        LaunchList used = List(l => l.Add<int>(Second, grid, 2), l => l.Add(kernel, grid, 5f), l => l.Add(kernel, grid, 5f));
        used.Clear();
        used.Add(kernel, grid, 1f);
        used.Add(kernel, grid, 2f);
        Assert.True(list.IsSame(used));
    }

    private static LaunchList List(params ReadOnlySpan<Action<LaunchList>> add)
    {
        var list = new LaunchList();
        foreach (Action<LaunchList> launch in add) launch(list);
        return list;
    }

    private static void First(float argument)
    {
    }

    private static void Second(float argument)
    {
    }

    private static void Second(int argument)
    {
    }
}
