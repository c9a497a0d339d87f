using ILGPU;
using Specializer.Ilgpu.Intrinsics;

namespace Specializer.Ilgpu.Kernels;

internal struct TableArguments
{
    public MapDimensions Shape;
    public int Batch, Rows, TableBits;
    public ArrayView<float> Table, Positions;
    /// <summary>The table in FP16, two numbers a word.</summary>
    public ArrayView<int> HalfTable;
    /// <summary>Numbers of rows, or what a row is looked for.</summary>
    public BatchView<float> X;
    public BatchView<float> Y;
}

internal struct SelectArguments
{
    public MapDimensions Shape;
    public int Batch, Id;
    public BatchView<float> X, Ids, Y;
}

/// <summary>Rows of a table, by number or the nearest, and pixels of a map.</summary>
internal static class TableKernels
{
    /// <summary>A row and that of its position. An item is an element of the result.</summary>
    public static void LookUp(TableArguments a)
    {
        int channels = a.Shape.Channels, elements = a.Shape.Height * a.Shape.Width * channels;
        for (int item = Share.Start; item < a.Batch * elements; item += Share.Step)
        {
            int image = item / elements, element = item % elements;
            // The numbers come from outside: one that is no row must not leave the table.
            float id = a.X.Image(image)[element / channels];
            int row = 0;
            if (id >= 0f && id < a.Rows) row = (int)id;
            long at = (long)row * channels + element % channels;
            float value;
            if (a.TableBits == 16) value = DeviceHalf.At(a.HalfTable, at);
            else value = a.Table[at];
            a.Y.Image(image)[element] = value + a.Positions[element];
        }
    }

    /// <summary>The row with the least squared distance, the first of equals. An item is a pixel.</summary>
    public static void FindNearest(TableArguments a)
    {
        int channels = a.Shape.Channels, pixels = a.Shape.Height * a.Shape.Width;
        for (int item = Share.Start; item < a.Batch * pixels; item += Share.Step)
        {
            ArrayView<float> x = a.X.Image(item / pixels).SubView((long)(item % pixels) * channels), y = a.Y.Image(item / pixels).SubView((long)(item % pixels) * channels);
            float least = float.PositiveInfinity;
            int best = 0;
            for (int row = 0; row < a.Rows; row++)
            {
                float distance = 0f;
                for (int c = 0; c < channels; c++)
                {
                    float d = x[c] - a.Table[(long)row * channels + c];
                    distance = ExactMath.FusedMultiplyAdd(d, d, distance);
                }

                if (distance < least)
                {
                    least = distance;
                    best = row;
                }
            }

            for (int c = 0; c < channels; c++) y[c] = a.Table[(long)best * channels + c];
        }
    }

    /// <summary>The pixel whose number is looked for, the first of equals; the first of all where there is none. An item is a channel of an image.</summary>
    public static void Select(SelectArguments a)
    {
        int channels = a.Shape.Channels, pixels = a.Shape.Height * a.Shape.Width;
        for (int item = Share.Start; item < a.Batch * channels; item += Share.Step)
        {
            int image = item / channels, channel = item % channels, found = 0;
            ArrayView<float> ids = a.Ids.Image(image);
            for (int pixel = pixels - 1; pixel >= 0; pixel--)
                if (ids[pixel] == a.Id) found = pixel;
            a.Y.Image(image)[channel] = a.X.Image(image)[(long)found * channels + channel];
        }
    }
}
