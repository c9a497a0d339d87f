using Models;
using Specializer;
using Specializer.Formats;

// What to draw: a picture for each prompt on the command line.
string[] prompts = args.Length > 0 ? args : ["red heart", "pizza", "cat face"];
if (prompts.Any(p => p.Length == 0 || p.StartsWith('-')))
{
    Console.Error.WriteLine("Say what to draw, a picture for each prompt: dotnet run -- \"red heart\" pizza");
    return 2;
}

using Emoji sampler = Emoji.Load();
// The same seed draws the same pictures on any machine. Another one, other pictures. Guidance = 5 keeps more strictly to the prompts.
var options = new SampleOptions { Count = prompts.Length, Prompts = prompts, Seed = 1 };
ImageBatch images = sampler.Sample(options, new Steps());

// The model draws 64 × 64 pixels; each becomes a square of four by four.
ImageGrid.Write("picture.png", images.EnlargeTo(256), columns: 5);
Terminal.Show(images);
Console.WriteLine($"Wrote {Path.GetFullPath("picture.png")}.");
return 0;

/// <summary>A line that says which step is done.</summary>
internal sealed class Steps : IProgress<SampleProgress>
{
    public void Report(SampleProgress value)
    {
        if (!Console.IsErrorRedirected) Console.Error.Write(value.Step < value.Steps ? $"\rstep {value.Step} of {value.Steps}" : "\r                    \r");
    }
}
