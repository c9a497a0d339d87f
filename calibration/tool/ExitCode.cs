using System.CommandLine;
using System.CommandLine.Invocation;
using Specializer.Manifest;

namespace Specializer.Tool;

/// <summary>What the command tells the shell.</summary>
internal static class ExitCode
{
    public const int Success = 0;
    /// <summary>The command ran, and what it checked is not as it should be.</summary>
    public const int Failed = 1;
    /// <summary>The input cannot be used: the message says why.</summary>
    public const int BadInput = 2;
    public const int Cancelled = 130;

    /// <summary>How long a command that is told to end may take for it: a silo gives its unit back, a cluster waits for its silos. By itself System.CommandLine ends the process after two seconds.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);

    /// <summary>Runs what was parsed; a command line that does not fit is bad input. Its error stands alone: thirty lines of help would push it off the screen.</summary>
    /// <param name="result">The parsed command line.</param>
    /// <param name="io">Where to write; null for the console.</param>
    public static int Of(ParseResult result, InvocationConfiguration? io = null)
    {
        io ??= new() { ProcessTerminationTimeout = s_patience };
        // Without a word there is no mistake to speak of, and help is what is wanted.
        if (result is { Action: ParseErrorAction error, Tokens.Count: > 0 }) error.ShowHelp = false;
        int code = result.Invoke(io);
        // Help is no mistake, although what the command needs is missing then.
        if (result.Action is not ParseErrorAction) return code;
        string command = string.Join(' ', new[] { result.CommandResult.Command }.Concat(result.CommandResult.Command.Parents.OfType<Command>()).Reverse().Select(c => c.Name));
        io.Error.WriteLine($"'{command} --help' shows what there is.");
        return BadInput;
    }

    /// <summary>Runs a command; what its input can cause becomes one line on the error stream, anything else is a bug and keeps its stack trace.</summary>
    public static int Of(Func<int> command)
    {
        try
        {
            return command();
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("Cancelled.");
            return Cancelled;
        }
        catch (OutOfMemoryException e) when (e is not InsufficientMemoryException)
        {
            Console.Error.WriteLine($"error: this computer has too little memory free{(MemoryNeed.Said is { } need ? $": {need}" : "")}. Close other programs, draw fewer pictures at a time, or give calibrate a bound it can keep (--memory GB), which takes more passes.");
            return BadInput;
        }
        catch (Exception e) when (e is IOException or InsufficientMemoryException or InvalidDataException or ArithmeticException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            Console.Error.WriteLine($"error: {Message(e)}");
            return BadInput;
        }
    }

    /// <summary>An exception's message for a person, to whom the name of a method's parameter means nothing, and who knows the value that was given.</summary>
    public static string Message(Exception e)
    {
        string message = e is ArgumentOutOfRangeException { ActualValue: not null } ? e.Message[..e.Message.LastIndexOf(Environment.NewLine, StringComparison.Ordinal)] : e.Message;
        return MessageText.HarmlessLines(e is ArgumentException { ParamName: { } name } ? message.Replace($" (Parameter '{name}')", "", StringComparison.Ordinal) : message);
    }
}
