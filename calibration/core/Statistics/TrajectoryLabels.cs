namespace Specializer.Calibration;

/// <summary>Which class, or which prompt, each trajectory draws, in calibration, held-out images and evaluation alike. Every stretch of as many trajectories as there are
/// classes holds each class once, in an order of its own that Philox gives, so that any number of trajectories is spread over all classes.</summary>
internal static class TrajectoryLabels
{
    /// <summary>Labels of consecutive trajectories; empty for an unconditional model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="seed">Of the trajectories' noise.</param>
    /// <param name="firstImage">Index of the first trajectory.</param>
    /// <param name="count">Number of trajectories.</param>
    public static int[] Of(ImportedModel model, ulong seed, long firstImage, int count) => Of(model.Conditions, model.NoCondition, seed, firstImage, count);

    /// <summary>Labels of consecutive trajectories; empty where there is no class.</summary>
    /// <param name="classes">Rows of the label table.</param>
    /// <param name="none">What means "none", which is no class: with it both predictions of a guided pair are equal.</param>
    /// <param name="seed">Of the trajectories' noise.</param>
    /// <param name="firstImage">Index of the first trajectory.</param>
    /// <param name="count">Number of trajectories.</param>
    public static int[] Of(int classes, NoCondition none, ulong seed, long firstImage, int count)
    {
        int[] all = [.. Enumerable.Range(0, classes).Where(label => !none.Holds(label))];
        if (all.Length == 0) return [];
        var labels = new int[count];
        int[] order = [];
        for (int i = 0; i < count; i++)
        {
            var (stretch, place) = Math.DivRem(firstImage + i, all.Length);
            if (i == 0 || place == 0) order = Permute(all, seed, checked((uint)stretch));
            labels[i] = order[place];
        }

        return labels;
    }

    /// <summary>Fisher and Yates's shuffle.</summary>
    private static int[] Permute(int[] labels, ulong seed, uint stretch)
    {
        var draws = new Draws(seed, DrawPurpose.Labels);
        int[] order = [.. labels];
        for (int last = order.Length - 1; last > 0; last--)
        {
            int other = draws.Below(last + 1, stretch, (uint)last);
            (order[last], order[other]) = (order[other], order[last]);
        }

        return order;
    }
}
