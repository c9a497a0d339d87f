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
        { "00", 0 },
        { "09", 0 },
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
        string numbers = string.Join(',', Enumerable.Repeat(Array("0", JsonReader.MaximumElements), JsonReader.MaximumNumbers / JsonReader.MaximumElements));
        Assert.True(JsonReader.Parse($"[{numbers}]", out _, out _));
        Assert.False(JsonReader.Parse($"[{numbers},[0]]", out _, out JsonError? more));
        Assert.Contains($"arrays of more than {JsonReader.MaximumNumbers} numbers", more!.Message, StringComparison.Ordinal);
        // Each array is a value itself, and so is what they lie in.
        string strings = string.Join(',', Enumerable.Repeat(Array("\"\"", JsonReader.MaximumElements - 1), JsonReader.MaximumValues / JsonReader.MaximumElements - 1)), last = Array("\"\"", JsonReader.MaximumElements - 2);
        Assert.True(JsonReader.Parse($"[{strings},{last}]", out _, out _));
        Assert.False(JsonReader.Parse($"[{strings},{last},0]", out _, out JsonError? many));
        Assert.Contains($"more than {JsonReader.MaximumValues} values", many!.Message, StringComparison.Ordinal);
        foreach (string element in (string[])["0", "null"])
        {
            Assert.True(JsonReader.Parse(Array(element, JsonReader.MaximumElements), out _, out _));
            Assert.False(JsonReader.Parse(Array(element, JsonReader.MaximumElements + 1), out _, out JsonError? wide));
            Assert.Contains("elements", wide!.Message, StringComparison.Ordinal);
        }

        Assert.False(JsonReader.Parse(new string(' ', JsonReader.MaximumLength + 1), out _, out _));
    }

    /// <summary>Whatever a text holds, it takes memory in proportion, and of the smallest values no more than their number is limited to: a text of 8 MB of numbers had taken 438 MB.</summary>
    [Theory]
    [InlineData("[", "0", "]", 8)]
    [InlineData("[", "-1.5e3", "]", 8)]
    [InlineData("[", "\"\"", "]", 24)]
    [InlineData("[", "\"a\"", "]", 24)]
    [InlineData("[", "true", "]", 24)]
    [InlineData("[", "[]", "]", 24)]
    [InlineData("[", "[0]", "]", 40)]
    [InlineData("[", "{}", "]", 24)]
    [InlineData("[", "{\"\":0}", "]", 24)]
    [InlineData("[", "{\"a\":{\"a\":\"a\"}}", "]", 24)]
    [InlineData("[\"\",", "0", "]", 32)]
    public void Memory_is_in_proportion_to_the_text(string begin, string element, string end, int most)
    {
        const int arrays = 4, elements = 50_000;
        string text = $"[{string.Join(',', Enumerable.Repeat(begin + string.Join(',', Enumerable.Repeat(element, elements)) + end, arrays))}]";
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.True(JsonReader.Parse(text, out JsonNode? root, out _));
        long taken = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(taken < (long)most * text.Length, $"{taken / (double)text.Length} bytes a character");
        Assert.Equal(arrays, root!.Items.Count);
    }

    /// <summary>Numbers in arrays are values only when they are asked for: each with its own text and place, beside others or alone.</summary>
    [Theory]
    [InlineData("[1, -2.5e+3 ,\n3]")]
    [InlineData("[1, -2.5e+3 ,\n3, \"x\"]")]
    [InlineData("[[], 1, -2.5e+3, 3]")]
    public void Numbers_of_arrays_keep_text_and_place(string text)
    {
        Assert.True(JsonReader.Parse(text, out JsonNode? root, out _));
        JsonNode[] numbers = [.. root!.Items.Where(i => i.Kind == JsonKind.Number)];
        Assert.Equal(["1", "-2.5e+3", "3"], numbers.Select(n => n.Text));
        Assert.All(numbers, n => Assert.Equal(n.Text, text[n.Start..n.End]));
    }

    private static string Array(string element, int elements) => $"[{string.Join(',', Enumerable.Repeat(element, elements))}]";

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
