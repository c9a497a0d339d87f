using System.Runtime.CompilerServices;
using System.Text;
using Specializer.Tests;

namespace Specializer.Generator.Tests;

/// <summary>Compares a text with the file <c>TypeName.MethodName.verified.cs</c>, or of another extension, beside the test. With <c>VerifySnapshots</c> Verify.Xunit does it;
/// without, these few lines do the same with the same files: UTF-8 with byte order mark, LF, <c>.received.</c> on a mismatch.</summary>
/// <remarks>Set SPECIALIZER_ACCEPT_SNAPSHOTS=1 to write what is received as verified, then look at the difference in the repository.</remarks>
internal static class Snapshot
{
#if VERIFY_SNAPSHOTS
    public static Task Verify(string received, string extension = "cs", [CallerFilePath] string file = "", [CallerMemberName] string method = "") =>
        VerifyXunit.Verifier.Verify(received, extension, sourceFile: file).ToTask();
#else
    private static readonly UTF8Encoding s_encoding = new(encoderShouldEmitUTF8Identifier: true);

    public static Task Verify(string received, string extension = "cs", [CallerFilePath] string file = "", [CallerMemberName] string method = "")
    {
        // A reproducible build replaces the root of all paths.
        if (file.StartsWith("/_/", StringComparison.Ordinal)) file = Path.Combine(SharedData.RepositoryRoot, file[3..]);
        string stem = Path.Combine(Path.GetDirectoryName(file)!, $"{Path.GetFileNameWithoutExtension(file)}.{method}");
        string verified = $"{stem}.verified.{extension}";
        string rejected = $"{stem}.received.{extension}";
        received = received.ReplaceLineEndings("\n");
        bool accept = Environment.GetEnvironmentVariable("SPECIALIZER_ACCEPT_SNAPSHOTS") == "1";
        if (accept)
        {
            File.WriteAllText(verified, received, s_encoding);
            File.Delete(rejected);
            return Task.CompletedTask;
        }

        string? expected = File.Exists(verified) ? File.ReadAllText(verified).ReplaceLineEndings("\n") : null;
        if (expected == received)
        {
            File.Delete(rejected);
            return Task.CompletedTask;
        }

        if (Environment.GetEnvironmentVariable("CI") != "true") File.WriteAllText(rejected, received, s_encoding);
        Assert.Fail(expected is null
            ? $"There is no snapshot {Path.GetFileName(verified)}. If {Path.GetFileName(rejected)} is right, set SPECIALIZER_ACCEPT_SNAPSHOTS=1 and run the test again."
            : $"{Path.GetFileName(verified)} differs {FirstDifference(expected, received)}");
        return Task.CompletedTask;
    }

    private static string FirstDifference(string expected, string received)
    {
        string[] a = expected.Split('\n');
        string[] b = received.Split('\n');
        int line = Enumerable.Range(0, Math.Min(a.Length, b.Length)).FirstOrDefault(i => a[i] != b[i], Math.Min(a.Length, b.Length));
        return $"at line {line + 1}:\nverified: {(line < a.Length ? a[line] : "(end)")}\nreceived: {(line < b.Length ? b[line] : "(end)")}";
    }
#endif
}
