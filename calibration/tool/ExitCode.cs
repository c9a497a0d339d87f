using System.CommandLine;
using Specializer.Formats;
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

    /// <summary>Runs what was parsed; a command line that does not fit is bad input.</summary>
    public static int Of(ParseResult result)
    {
        int code = result.Invoke();
        return result.Errors.Count > 0 ? BadInput : code;
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
        catch (Exception e) when (e is IOException or InvalidDataException or ArithmeticException or UnauthorizedAccessException or ArgumentException or NotSupportedException or SafetensorsException or SamplerMismatchException)
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
