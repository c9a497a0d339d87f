using System.Globalization;

namespace Specializer.Calibration;

/// <summary>Which sizes pictures can have.</summary>
internal static class PictureSize
{
    /// <summary>Rows and columns of the state of a picture.</summary>
    /// <param name="size">Rows and columns of the picture.</param>
    /// <param name="factor">Pixels, in each direction, for one of the state.</param>
    /// <param name="multiple">What rows and columns of the state must be multiples of.</param>
    /// <exception cref="ArgumentException">Pictures of that size are not possible.</exception>
    public static (int Height, int Width) State((int Height, int Width) size, int factor, int multiple)
    {
        var (rows, columns) = size;
        int most = UNetConfiguration.MaximumExtent * factor, step = multiple * factor;
        return rows > 0 && columns > 0 && rows <= most && columns <= most && rows % step == 0 && columns % step == 0 ? (rows / factor, columns / factor)
            : throw new ArgumentException($"Pictures of {rows}x{columns} pixels are not possible: rows and columns are multiples of {step}, up to {most}. {Nearest(rows, columns, step, most)}");
    }

    /// <summary>Says which sizes are nearest to one that is not possible.</summary>
    /// <param name="height">Rows.</param>
    /// <param name="width">Columns.</param>
    /// <param name="multiple">What both must be multiples of.</param>
    /// <param name="most">The largest possible multiple.</param>
    public static string Nearest(int height, int width, int multiple, int most)
    {
        string below = Size(0), above = Size(multiple - 1);
        return below == above ? $"The nearest size is {below}." : $"The nearest sizes are {below} and {above}.";

        string Size(int up) => string.Create(CultureInfo.InvariantCulture, $"{Extent(height, up)}x{Extent(width, up)}");
        int Extent(int extent, int up) => Math.Max(multiple, (Math.Min(extent, most - up) + up) / multiple * multiple);
    }
}
