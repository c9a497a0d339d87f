using ILGPU;

namespace Specializer.Ilgpu.Kernels;

internal struct ThresholdArguments
{
    public int Images, Elements;
    /// <summary>The first of them are repeated behind the drawn ones.</summary>
    public int Guided;
    public BatchView<float> Values;
    /// <summary>The neighbours, in order, that the quantile lies between, and how far it is from the first.</summary>
    public int Below, Above;
    public float Between, Maximum;
}

/// <summary>Dynamic thresholding. An item is an image: its order statistics are found bit by bit, by counting, so that nothing need be sorted.</summary>
internal static class ThresholdKernel
{
    public static void Run(ThresholdArguments a)
    {
        for (int image = Share.Start; image < a.Images; image += Share.Step)
        {
            ArrayView<float> values = a.Values.Image(image);
            float below = InOrder(values, a.Elements, a.Below), above = InOrder(values, a.Elements, a.Above);
            float bound = Intrinsics.ExactMath.FusedMultiplyAdd(a.Between, above - below, below);
            if (bound < 1f) bound = 1f;
            if (bound > a.Maximum) bound = a.Maximum;
            for (int i = 0; i < a.Elements; i++)
            {
                float value = values[i];
                value = (value < -bound ? -bound : value > bound ? bound : value) / bound;
                values[i] = value;
                if (image < a.Guided) a.Values.Image(a.Images + image)[i] = value;
            }
        }
    }

    /// <summary>The value of |r| that has so many smaller ones, or as small ones, before it: positive numbers lie in the order of their bits.</summary>
    private static float InOrder(ArrayView<float> values, int elements, int index)
    {
        uint found = 0;
        for (int bit = 30; bit >= 0; bit--)
        {
            uint candidate = found | 1u << bit;
            int smaller = 0;
            for (int i = 0; i < elements; i++)
                if ((Interop.FloatAsInt(values[i]) & 0x7FFFFFFFu) < candidate) smaller++;
            if (smaller <= index) found = candidate;
        }

        return Interop.IntAsFloat(found);
    }
}
