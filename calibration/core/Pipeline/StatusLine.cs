using System.Diagnostics;

namespace Specializer.Calibration;

/// <summary>One line on the error stream that says how far something is: redrawn in a terminal; where that is a log, a line every few seconds.</summary>
public sealed class StatusLine
{
    private static readonly TimeSpan s_redrawn = TimeSpan.FromSeconds(0.2), s_news = TimeSpan.FromSeconds(1), s_logged = TimeSpan.FromSeconds(10);

    private readonly TextWriter? _log;
    private readonly Stopwatch _sinceShown = new();
    private int _width;

    /// <summary>For the error stream.</summary>
    public StatusLine()
    {
    }

    /// <summary>For a log.</summary>
    /// <param name="log">Receives the lines; stays the caller's.</param>
    public StatusLine(TextWriter log) => _log = log;

    private bool IsLog => _log is not null || Console.IsErrorRedirected;

    /// <summary>Shows a text, unless the one before was shown just now.</summary>
    /// <param name="text">Asked for where it is shown.</param>
    /// <param name="isNews">Whether it begins something: a log has it within a second.</param>
    public void Show(Func<string> text, bool isNews = false)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (_sinceShown.IsRunning && _sinceShown.Elapsed < (!IsLog ? s_redrawn : isNews ? s_news : s_logged)) return;
        _sinceShown.Restart();
        string line = text();
        if (IsLog)
        {
            (_log ?? Console.Error).WriteLine(line);
            return;
        }

        Console.Error.Write("\r" + line.PadRight(_width));
        _width = line.Length;
    }

    /// <summary>Takes the line off the terminal.</summary>
    public void Clear()
    {
        if (_width > 0) Console.Error.Write("\r" + new string(' ', _width) + "\r");
        _width = 0;
    }

    /// <summary>Leaves the line in the terminal and goes on below it.</summary>
    public void End()
    {
        if (_width > 0) Console.Error.WriteLine();
        _width = 0;
    }
}
