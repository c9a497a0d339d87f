using Specializer;

namespace SampleApp;

/// <summary>One line on the error stream that says how far a drawing is; silent when that is not a terminal.</summary>
internal sealed class ProgressLine(string what) : IProgress<SampleProgress>
{
    private int _width;

    public void Report(SampleProgress value)
    {
        if (Console.IsErrorRedirected) return;
        string line = $"{what}: step {value.Step}/{value.Steps}";
        Console.Error.Write("\r" + line.PadRight(_width));
        _width = line.Length;
    }

    public void Clear()
    {
        if (_width > 0) Console.Error.Write("\r" + new string(' ', _width) + "\r");
    }
}
