using Models;
using Specializer;
using Specializer.Formats;

// What to draw: digits on the command line, or all of them.
int[] labels = [.. args.Select(a => a is [>= '0' and <= '9'] ? a[0] - '0' : -1)];
if (labels.Contains(-1))
{
    Console.Error.WriteLine("Name the digits to draw, each from 0 to 9: dotnet run -- 3 7");
    return 2;
}

if (labels.Length == 0) labels = [.. Enumerable.Range(0, 10)];

using Digits sampler = Digits.Load();
// The same seed draws the same pictures on any machine. Another one, other pictures.
var options = new SampleOptions { Count = labels.Length, Labels = labels, Seed = 1 };
ImageBatch images = sampler.Sample(options, new Steps());

ImageGrid.Write("picture.png", images, columns: 5);
Show(images);
Console.WriteLine($"Wrote {Path.GetFullPath("picture.png")}.");
return 0;

// A row of pictures as text, as many as fit the line.
static void Show(ImageBatch images)
{
    const string Shades = " .:-=+*#%@";
    int shown = Math.Min(images.Count, Math.Max(1, (Console.IsOutputRedirected ? 80 : Console.WindowWidth) / images.Width));
    // Characters are about twice as high as wide: every other row.
    for (int y = 0; y < images.Height; y += 2)
    {
        for (int i = 0; i < shown; i++)
            foreach (float pixel in images[i].Slice(y * images.Width, images.Width))
                Console.Write(Shades[ImageGrid.ToByte(pixel) * Shades.Length / 256]);
        Console.WriteLine();
    }
}

/// <summary>A line that says which step is done.</summary>
internal sealed class Steps : IProgress<SampleProgress>
{
    public void Report(SampleProgress value)
    {
        if (!Console.IsErrorRedirected) Console.Error.Write(value.Step < value.Steps ? $"\rstep {value.Step} of {value.Steps}" : "\r                    \r");
    }
}
