using System.Text;
using Specializer.Formats;

namespace Specializer.Runtime.Tests.Formats;

/// <summary>The header by itself: every kind of JSON value where one is skipped, and every bound.</summary>
public sealed class SafetensorsHeaderTests
{
    private static readonly string s_tooDeep = new string('[', 66) + new string(']', 66), s_deepest = new string('[', 65) + new string(']', 65);

    [Theory]
    [InlineData("0")]
    [InlineData("-0")]
    [InlineData("10.50")]
    [InlineData("1e5")]
    [InlineData("-1.5E+30")]
    [InlineData("1e-5")]
    [InlineData("true")]
    [InlineData("false")]
    [InlineData("null")]
    [InlineData("\"\"")]
    [InlineData("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u00E9\\ud83d\\ude00é😀\"")]
    [InlineData("[ ]")]
    [InlineData("[1\t,\r\n2 ]")]
    [InlineData("{ }")]
    [InlineData("{\"a\" : {\"b\":[{}]} , \"c\":1}")]
    public void AnyValueOfAnUnknownFieldIsSkipped(string value)
    {
        SafetensorsEntry entry = Assert.Single(Read(With(value)).Entries.Values);
        Assert.Equal(("a", DType.U8, 0L, 4L), (entry.Name, entry.Type, entry.Offset, entry.Length));
    }

    /// <summary>What stands where any value may, and what is expected there.</summary>
    public static TheoryData<string, string> OtherTexts => new()
    {
        { "01", "without a leading zero" },
        { "00", "without a leading zero" },
        { "09", "without a leading zero" },
        { "-", "a digit" },
        { "+1", "a digit" },
        { ".5", "a digit" },
        { "1.", "a digit" },
        { "1.e5", "a digit" },
        { "1e", "a digit" },
        { "1e+", "a digit" },
        { "a", "a digit" },
        { "tru", "'true'" },
        { "fAlse", "'false'" },
        { "nul", "'null'" },
        { "\"\\x\"", "an escape sequence" },
        { "\"\\u12g4\"", "a hexadecimal digit" },
        { "\"\\u12/4\"", "a hexadecimal digit" },
        { "\"\\u12@4\"", "a hexadecimal digit" },
        { "\"\\u12`4\"", "a hexadecimal digit" },
        { "\"\\u12:4\"", "a hexadecimal digit" },
        { "\"\\u12G4\"", "a hexadecimal digit" },
        { "\"a\u0001\"", "the rest of a string" },
        { "\"\\n\u0001\"", "the rest of a string" },
        { "\"\\udc00\"", "both halves" },
        { "\"\\ud800\"", "both halves" },
        { "\"\\ud800a\"", "both halves" },
        { "\"\\ud800\\ud800\"", "both halves" },
        { "[1 2]", "']'" },
        { "[1,]", "a digit" },
        { "{\"a\" 1}", "':'" },
        { "{\"a\":1,}", "'\"'" },
        { "{\"a\":1 \"b\":1}", "'}'" },
        { "{a:1}", "'\"'" },
    };

    [Theory]
    [MemberData(nameof(OtherTexts))]
    public void OtherTextsAreRefused(string value, string expected) => Refuse(With(value), expected);

    [Fact]
    public void DepthIsLimited()
    {
        Read(With(s_deepest));
        Refuse(With(s_tooDeep), "nested less deeply");
        Read(With(Objects(64)));
        Refuse(With(Objects(65)), "nested less deeply");

        static string Objects(int depth) => string.Concat(Enumerable.Repeat("{\"a\":", depth)) + "0" + new string('}', depth);
    }

    [Fact]
    public void ShapesAreSaidWithAllTheirExtents() =>
        Refuse("{\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,4]}}", "shape [2, 3] of F32 takes 24 bytes, but its offsets span 4");

    [Fact]
    public void TensorsWithoutElementsLieBeforeWhatBeginsThere() =>
        Assert.Equal(2, SafetensorsHeader.Read("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}"u8.ToArray(), 4).Entries.Count);

    [Fact]
    public void TextsThatEndEarlyAreRefused()
    {
        string whole = With("\"\\u00e9\\n\""), plain = With("-1.5e+3");
        foreach (string text in (string[])[whole, plain])
            for (int length = 1; length < text.Length; length++) Assert.Throws<SafetensorsHeaderException>(() => Read(text[..length]));
        Refuse("", "does not start with '{'");
        Assert.Contains("UTF-8", Assert.Throws<SafetensorsHeaderException>(() => SafetensorsHeader.Read([.. "{\""u8, 0xFF], 0)).Message);
    }

    [Theory]
    [InlineData("9223372036854775807,0", 0L)]
    [InlineData("4", 4L)]
    [InlineData("004", null)]
    [InlineData("9223372036854775808", null)]
    [InlineData("92233720368547758070", null)]
    [InlineData("4e0", null)]
    [InlineData("4.0", null)]
    [InlineData("-4", null)]
    public void ExtentsAreWholeNumbersOf63Bits(string shape, long? bytes)
    {
        string header = $"{{\"a\":{{\"dtype\":\"U8\",\"shape\":[{shape}],\"data_offsets\":[0,{bytes ?? 4}]}}}}";
        if (bytes is { } length) Assert.Equal(length, SafetensorsHeader.Read(Encoding.UTF8.GetBytes(header), length).Entries["a"].Length);
        else Assert.Throws<SafetensorsHeaderException>(() => Read(header));
    }

    [Fact]
    public void MetadataMayBeNull()
    {
        Assert.Empty(Read("{\"__metadata__\":null," + With("1")[1..]).Metadata);
        Assert.Equal("b", Read("{\"__metadata__\":{\"a\":\"b\"}," + With("1")[1..]).Metadata["a"]);
        Assert.Empty(Read(With("1")).Metadata);
        Refuse("{\"__metadata__\":null,\"__metadata__\":null," + With("1")[1..], "occurs twice");
    }

    [Fact]
    public void NumbersOfTensorsDimensionsAndStringsAreLimited()
    {
        string Dimensions(int count) => $"{{\"a\":{{\"dtype\":\"U8\",\"shape\":[4{string.Concat(Enumerable.Repeat(",1", count - 1))}],\"data_offsets\":[0,4]}}}}";
        Assert.Equal(64, Read(Dimensions(64)).Entries["a"].Shape.Length);
        Refuse(Dimensions(65), "more than 64 numbers");

        string Tensors(int count) => $"{{{string.Join(',', Enumerable.Range(0, count).Select(i => $"\"{i}\":{{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}"))}}}";
        Assert.Equal(SafetensorsHeader.MaximumTensors, SafetensorsHeader.Read(Encoding.UTF8.GetBytes(Tensors(SafetensorsHeader.MaximumTensors)), 0).Entries.Count);
        Refuse(Tensors(SafetensorsHeader.MaximumTensors + 1), "one more than the 65536 tensors");

        string Strings(int count) => $"{{\"__metadata__\":{{{string.Join(',', Enumerable.Range(0, count).Select(i => $"\"{i}\":\"\""))}}},{With("1")[1..]}";
        foreach (int count in (int[])[SafetensorsHeader.MaximumMetadata - 1, SafetensorsHeader.MaximumMetadata]) Assert.Equal(count, Read(Strings(count)).Metadata.Count);
        Refuse(Strings(SafetensorsHeader.MaximumMetadata + 1), "more than the 65536 strings");
    }

    [Theory]
    [InlineData(7, 0, "7 bytes, too few")]
    [InlineData(100, 93, "announces a header of 93 bytes, but has only 100 in all")]
    [InlineData(200_000_000, 100_000_001, "more than the 100000000 allowed")]
    [InlineData(200_000_000, -1, "more than the 100000000 allowed")]
    public void LengthsThatCannotBeAreRefused(long file, long announced, string expected) =>
        Assert.Contains(expected, Assert.Throws<SafetensorsHeaderException>(() => SafetensorsHeader.Length(BitConverter.GetBytes(announced), file)).Message);

    [Fact]
    public void LengthsUpToTheBoundsAreTaken()
    {
        Assert.Equal(0, SafetensorsHeader.Length(new byte[8], 8));
        Assert.Equal(92, SafetensorsHeader.Length(BitConverter.GetBytes(92L), 100));
        Assert.Equal(100_000_000, SafetensorsHeader.Length(BitConverter.GetBytes(100_000_000L), 100_000_008));
    }

    internal static string With(string value) => $"{{\"a\":{{\"dtype\":\"U8\",\"x\":{value},\"shape\":[4],\"data_offsets\":[0,4]}}}}";

    private static SafetensorsHeader Read(string header) => SafetensorsHeader.Read(Encoding.UTF8.GetBytes(header), 4);

    private static void Refuse(string header, string expected) => Assert.Contains(expected, Assert.Throws<SafetensorsHeaderException>(() => Read(header)).Message);
}
