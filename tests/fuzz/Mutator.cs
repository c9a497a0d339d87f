using System.Text;

namespace Specializer.Fuzz;

/// <summary>Makes inputs from inputs: bytes anywhere, or whole tokens of JSON, so that most of them come past the parser.</summary>
internal sealed class Mutator(Random random)
{
    private static readonly byte[] s_bytes = [0, 1, 9, 10, 0x1B, 0x22, 0x2C, 0x5C, 0x7B, 0x7D, 0x7F, 0x80, 0xC0, 0xED, 0xF4, 0xFF];

    private static readonly byte[][] s_values = [.. new[]
    {
        "0", "-1", "1", "-0", "1e308", "1e-400", "1e999999999", "0.1", "2147483647", "2147483648", "-2147483649", "9223372036854775807", "9223372036854775808", "18446744073709551616",
        "null", "true", "false", "\"\"", "\"\\ud800\"", "\"\\u0000\"", "\"\\u202e\\u001b[31m\"", "{}", "[]", "[0]", "[[[[[[[[[[]]]]]]]]]]", "{\"a\":{\"a\":{\"a\":{}}}}", "NaN", "//", "/**/", "\"../../x\"", "\"F32\"", "[0,0]", "[-1,1]",
    }.Select(value => Encoding.Latin1.GetBytes(value))];

    // Kept from input to input: a list of its own for each would be garbage of many times its size.
    private readonly List<ReadOnlyMemory<byte>> _tokens = [];

    public Random Random => random;

    /// <summary>One to four changes of bytes.</summary>
    public byte[] Bytes(byte[] input)
    {
        var bytes = new List<byte>(input);
        for (int changes = random.Next(1, 5); changes > 0; changes--)
        {
            int at = random.Next(bytes.Count + 1), length = Math.Min(random.Next(1, 9), bytes.Count - at);
            switch (random.Next(6))
            {
                case 0 when at < bytes.Count: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 1 when at < bytes.Count: bytes[at] = s_bytes[random.Next(s_bytes.Length)]; break;
                case 2: bytes.RemoveRange(at, length); break;
                case 3: bytes.InsertRange(at, bytes.GetRange(at, length)); break;
                case 4: bytes.Insert(at, (byte)random.Next(256)); break;
                case 5 when random.Next(8) == 0: bytes.RemoveRange(at, bytes.Count - at); break;
            }
        }

        return [.. bytes];
    }

    /// <summary>One to three changes of tokens; now and then of bytes, too.</summary>
    public byte[] Json(ReadOnlyMemory<byte> input)
    {
        List<ReadOnlyMemory<byte>> tokens = _tokens;
        Split(input, tokens);
        for (int changes = random.Next(1, 4); changes > 0 && tokens.Count > 0; changes--)
        {
            int at = random.Next(tokens.Count);
            switch (random.Next(5))
            {
                case 0: tokens[at] = s_values[random.Next(s_values.Length)]; break;
                case 1: tokens[at] = tokens[random.Next(tokens.Count)]; break;
                case 2: tokens.RemoveAt(at); break;
                case 3:
                    List<ReadOnlyMemory<byte>> copy = tokens.GetRange(at, Math.Min(random.Next(1, 40), tokens.Count - at));
                    for (int times = random.Next(8) == 0 ? random.Next(1, 64) : 1; times > 0; times--) tokens.InsertRange(at, copy);
                    break;
                case 4: tokens.Insert(at, Encoding.Latin1.GetBytes(new string(random.Next(2) == 0 ? '[' : ' ', random.Next(1, 300)))); break;
            }
        }

        var json = new byte[tokens.Sum(t => t.Length)];
        Span<byte> rest = json;
        foreach (ReadOnlyMemory<byte> token in tokens)
        {
            token.Span.CopyTo(rest);
            rest = rest[token.Length..];
        }

        return random.Next(8) == 0 ? Bytes(json) : json;
    }

    // Strings, runs of letters and digits, and single characters.
    private static void Split(ReadOnlyMemory<byte> input, List<ReadOnlyMemory<byte>> tokens)
    {
        ReadOnlySpan<byte> text = input.Span;
        tokens.Clear();
        for (int start = 0, end; start < text.Length; start = end)
        {
            end = start + 1;
            if (text[start] == '"')
            {
                while (end < text.Length && text[end - 1] is var last && (end == start + 1 || last != '"' || text[end - 2] == '\\')) end++;
            }
            else if (IsWord(text[start]))
            {
                while (end < text.Length && IsWord(text[end])) end++;
            }

            tokens.Add(input[start..end]);
        }
    }

    private static bool IsWord(byte c) => char.IsAsciiLetterOrDigit((char)c) || c is (byte)'.' or (byte)'-' or (byte)'+' or (byte)'_';
}
