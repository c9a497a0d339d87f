namespace Specializer.Kernels;

/// <summary>How a convolution is cut into items: blocks of columns of the product (pixels or patches) by ranges of panels.
/// The choice depends on the shape and the number of threads, and leaves no trace in the result.</summary>
/// <param name="Total">Columns in all.</param>
/// <param name="Panels">Panels in all.</param>
/// <param name="Block">Columns of a block, a whole number of tiles.</param>
/// <param name="Range">Panels of a range.</param>
internal readonly record struct BlockPlan(int Total, int Panels, int Block, int Range)
{
    public int Ranges => (Panels + Range - 1) / Range;
    public int Items => (Total + Block - 1) / Block * Ranges;

    /// <summary>Chooses the cheapest plan. A thread prepares each block that it meets, and for each panel of an item expands the weights and multiplies tile by tile;
    /// threads take items one by one, and on average wait for half an item at the end.</summary>
    /// <param name="total">Columns.</param>
    /// <param name="panels">Panels.</param>
    /// <param name="tile">Columns of a tile.</param>
    /// <param name="most">Largest block that the caches hold.</param>
    /// <param name="expand">Time to expand a panel, in units of one tile's product.</param>
    /// <param name="prepare">Time to prepare a column of the block, in the same units.</param>
    /// <param name="threads">Threads.</param>
    public static BlockPlan Choose(int total, int panels, int tile, int most, float expand, float prepare, int threads)
    {
        BlockPlan best = default;
        float least = float.PositiveInfinity;
        for (int tiles = most / tile; tiles > 0; tiles--)
        {
            int block = tiles * tile;
            if (block - tile >= total) continue;
            for (int ranges = 1; ranges <= panels && (ranges == 1 || ranges <= 8 * threads && threads > 1); ranges *= 2)
            {
                var plan = new BlockPlan(total, panels, block, (panels + ranges - 1) / ranges);
                float items = (float)plan.Items / threads, blocks = Math.Min(plan.Items / plan.Ranges, MathF.Ceiling(items));
                float time = blocks * block * prepare + (items + (threads > 1 ? 0.5f : 0f)) * plan.Range * (expand + tiles);
                if (time < least) (best, least) = (plan, time);
            }
        }

        return best;
    }
}
