using System.Text;
using Specializer;
using Specializer.Formats;

/// <summary>Pictures in a terminal that has all colours.</summary>
internal static class Terminal
{
    private static bool HasColours => Environment.GetEnvironmentVariable("COLORTERM") is "truecolor" or "24bit" || Environment.GetEnvironmentVariable("WT_SESSION") is not null;

    /// <summary>Writes a row of pictures, as many as fit the line; nothing into a file.</summary>
    public static void Show(ImageBatch images)
    {
        if (Console.IsOutputRedirected || !HasColours || images.Channels != 3) return;
        Console.OutputEncoding = Encoding.UTF8;
        int shown = Math.Clamp(Console.WindowWidth / images.Width, 1, images.Count);
        var text = new StringBuilder();
        // A character is twice as high as wide, and this one's upper half has one colour, its lower half another.
        for (int y = 0; y + 1 < images.Height; y += 2)
        {
            for (int i = 0; i < shown; i++)
                for (int x = 0; x < images.Width; x++) text.Append($"\e[38;2;{Colour(images, i, y, x)}m\e[48;2;{Colour(images, i, y + 1, x)}m\u2580");
            text.Append("\e[0m\n");
        }

        Console.Write(text);
    }

    private static string Colour(ImageBatch images, int image, int y, int x)
    {
        ReadOnlySpan<float> pixel = images[image].Slice((y * images.Width + x) * images.Channels, images.Channels);
        return $"{ImageGrid.ToByte(pixel[0])};{ImageGrid.ToByte(pixel[1])};{ImageGrid.ToByte(pixel[2])}";
    }
}
