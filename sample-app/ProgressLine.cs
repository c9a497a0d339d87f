using System.Diagnostics;
using Specializer;

namespace SampleApp;

/// <summary>One line on the error stream that says how far a drawing is. Where that is a log, a line every few seconds.</summary>
internal sealed class ProgressLine(string what) : IProgress<SampleProgress>
{
    // Of the whole program, whose drawings are many and short.
    private static readonly Stopwatch s_sinceLogged = Stopwatch.StartNew();
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(5);
    private int _width;

    public void Report(SampleProgress value)
    {
        string line = $"{what}: step {value.Step}/{value.Steps}";
        if (Console.IsErrorRedirected)
        {
            if (s_sinceLogged.Elapsed < s_pause) return;
            s_sinceLogged.Restart();
            Console.Error.WriteLine(line);
            return;
        }

        Console.Error.Write("\r" + line.PadRight(_width));
        _width = line.Length;
    }

    public void Clear()
    {
        if (_width > 0) Console.Error.Write("\r" + new string(' ', _width) + "\r");
    }
}
