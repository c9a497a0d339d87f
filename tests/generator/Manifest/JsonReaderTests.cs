using System.Text.Json;
using Specializer.Manifest;

namespace Specializer.Generator.Tests;

public sealed class JsonReaderTests
{
    [Fact]
    public void Values_keep_their_text_and_position()
    {
        Assert.True(JsonReader.Parse("""{"a": [1, -2.5e+3, true, false, null], "b\n\u00e9\ud83d\ude00": "x\"\\\/\b\f\r\t"}""", out JsonNode? root, out _));
        JsonNode array = root!["a"]!;
        Assert.Equal([JsonKind.Number, JsonKind.Number, JsonKind.Boolean, JsonKind.Boolean, JsonKind.Null], array.Items.Select(i => i.Kind));
        Assert.Equal("-2.5e+3", array.Items[1].Text);
        Assert.Equal((10, 17), (array.Items[1].Start, array.Items[1].End));
        Assert.True(array.Items[2].IsTrue);
        Assert.False(array.Items[3].IsTrue);
        Assert.Equal("b\né😀", root.Members[1].Name);
        Assert.Equal("x\"\\/\b\f\r\t", root.Members[1].Value.Text);
        Assert.Null(root["c"]);
    }

    public static TheoryData<string, int> NotJson => new()
    {
        { "", 0 },
        { "  ", 2 },
        { "{} x", 3 },
        { "[1,]", 3 },
        { "[1 2]", 3 },
        { "{\"a\":1,}", 7 },
        { "{\"a\" 1}", 5 },
        { "{a:1}", 1 },
        { "{\"a\":1,\"a\":2}", 7 },
        { "// comment\n1", 0 },
        { "01", 0 },
        { "+1", 0 },
        { "1.", 0 },
        { ".5", 0 },
        { "1e", 0 },
        { "-", 0 },
        { "NaN", 0 },
        { "True", 0 },
        { "tru", 0 },
        { "\"a", 0 },
        { "\"\u0001\"", 1 },
        { "\"\\x\"", 1 },
        { "\"\\u12g4\"", 1 },
        { "\"\\ud800\"", 1 },
        { "\"\\udc00\"", 1 },
        { "\uFEFF{}", 0 },
    };

    [Theory]
    [MemberData(nameof(NotJson))]
    public void Anything_else_is_an_error_at_its_place(string text, int position)
    {
        Assert.False(JsonReader.Parse(text, out JsonNode? root, out JsonError? error));
        Assert.Null(root);
        Assert.Equal(position, error!.Start);
        Assert.InRange(error.End, error.Start, text.Length);
    }

    [Fact]
    public void Hexadecimal_digits_are_those_and_no_others()
    {
        const string digits = "0123456789abcdefABCDEF";
        for (char c = ' '; c < 0x80; c++) Assert.Equal(digits.Contains(c), JsonReader.Parse($"\"\\u004{c}\"", out _, out _));
        Assert.All(digits, c => Assert.Equal($"{(char)(0x40 + Convert.ToInt32($"{c}", 16))}", Text(c)));

        static string Text(char digit) => JsonReader.Parse($"\"\\u004{digit}\"", out JsonNode? root, out _) ? root!.Text : "";
    }

    [Fact]
    public void Half_of_a_surrogate_pair_is_an_error()
    {
        Assert.False(JsonReader.Parse("\"\uD800\"", out _, out _));
        Assert.False(JsonReader.Parse("\"\uDC00\"", out _, out _));
        Assert.True(JsonReader.Parse("\"\uD83D\uDE00\"", out _, out _));
    }

    [Fact]
    public void Depth_length_and_number_of_values_are_limited()
    {
        Assert.True(JsonReader.Parse(new string('[', 64) + new string(']', 64), out _, out _));
        Assert.False(JsonReader.Parse(new string('[', 65) + new string(']', 65), out _, out JsonError? deep));
        Assert.Equal(64, deep!.Start);
        Assert.False(JsonReader.Parse(new string('[', 1_000_000), out _, out _));
        Assert.True(JsonReader.Parse(new string('1', JsonReader.MaximumNumberLength), out _, out _));
        Assert.False(JsonReader.Parse(new string('1', JsonReader.MaximumNumberLength + 1), out _, out _));
        Assert.False(JsonReader.Parse("[" + string.Join(',', Enumerable.Repeat(Array(JsonReader.MaximumElements), JsonReader.MaximumValues / JsonReader.MaximumElements)) + "]", out _, out JsonError? many));
        Assert.Contains("values", many!.Message, StringComparison.Ordinal);
        Assert.True(JsonReader.Parse(Array(JsonReader.MaximumElements), out _, out _));
        Assert.False(JsonReader.Parse(Array(JsonReader.MaximumElements + 1), out _, out JsonError? wide));
        Assert.Contains("elements", wide!.Message, StringComparison.Ordinal);
        Assert.False(JsonReader.Parse(new string(' ', JsonReader.MaximumLength + 1), out _, out _));

        static string Array(int elements) => "[" + string.Concat(Enumerable.Repeat("0,", elements - 1)) + "0]";
    }

    /// <summary>The BCL's reader as an oracle: random texts over JSON's alphabet must be accepted by both or by neither.</summary>
    [Fact]
    public void Agrees_with_the_bcl_on_random_texts()
    {
        string[] pieces = ["{", "}", "[", "]", ",", ":", "\"", "\"a\"", "\"b\"", "\"\\n\"", "\\", "\\u0041", "0", "1", "-1.5e3", "01", "1.", "e", "true", "null", "nul", " ", "\n", "\t", "/"];
        var random = new Random(7);
        int accepted = 0;
        for (int i = 0; i < 200_000; i++)
        {
            string text = string.Concat(Enumerable.Range(0, random.Next(1, 9)).Select(_ => pieces[random.Next(pieces.Length)]));
            bool expected = IsJson(text);
            Assert.True(expected == JsonReader.Parse(text, out _, out _), text);
            if (expected) accepted++;
        }

        Assert.True(accepted > 5_000, $"Only {accepted} texts were JSON: the comparison says little.");

        static bool IsJson(string text)
        {
            try
            {
                using var document = JsonDocument.Parse(text, new JsonDocumentOptions { AllowDuplicateProperties = false });
                return true;
            }
            catch (JsonException)
            {
                return false;
            }
        }
    }

    [Fact]
    public void Lines_and_columns_count_from_one_for_every_line_ending()
    {
        var lines = new LineMap("a\nb\r\nc\rd");
        Assert.Equal((1, 1), lines[0]);
        Assert.Equal((2, 1), lines[2]);
        Assert.Equal((3, 1), lines[5]);
        Assert.Equal((4, 1), lines[7]);
        Assert.Equal((4, 2), lines[8]);
        Assert.Equal(8, lines.Offset(4, 2));
    }
}
