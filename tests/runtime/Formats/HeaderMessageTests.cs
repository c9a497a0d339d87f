using System.Text;
using Specializer.Formats;
using Specializer.Generator.Tests;
using Specializer.Manifest;

namespace Specializer.Runtime.Tests.Formats;

/// <summary>What is said of each damaged header, whole; and of a sound one cut off or changed at any byte. Other tests compare a few words.</summary>
public sealed class HeaderMessageTests
{
    private const string Sound = """{"__metadata__":{"k\u00e9":"v"},"b":{"dtype":"F32","shape":[1,0],"data_offsets":[4,4],"x":[-1.5e+3,{"y":[true,false,null]}]},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}} """;

    [Fact]
    public Task Of_headers()
    {
        var text = new StringBuilder();
        foreach (object[] row in SafetensorsHeaderTests.OtherTexts) Append(text, SafetensorsHeaderTests.With((string)row[0]));
        foreach (object[] row in SafetensorsTests.DamagedHeaders) Append(text, (string)row[0]);
        foreach (string numbers in (string[])["[]", "[4", "[4,", "[0]", "[0,4,4,4]", "[9223372036854775807,9223372036854775808]"]) Append(text, $"{{\"a\":{{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":{numbers}}}}}");
        foreach (var (type, size) in ((string, int)[])[("BOOL", 1), ("U8", 1), ("I8", 1), ("F8_E5M2", 1), ("F8_E4M3", 1), ("I16", 2), ("U16", 2), ("F16", 2), ("BF16", 2), ("I32", 4), ("U32", 4), ("F32", 4), ("F64", 8), ("I64", 8), ("U64", 8)])
        {
            Append(text, $"{{\"a\":{{\"dtype\":\"{type}\",\"shape\":[3],\"data_offsets\":[0,{3 * size}]}}}}");
            Append(text, $"{{\"a\":{{\"dtype\":\"{type}\",\"shape\":[{4 / size}],\"data_offsets\":[0,4]}}}}");
        }

        return Snapshot.Verify(text.ToString(), "txt");
    }

    [Fact]
    public Task Of_a_header_changed_anywhere()
    {
        Assert.Equal("b 4 0, a 0 4", Said(Sound));
        var text = new StringBuilder();
        for (int at = 1; at < Sound.Length; at++)
        {
            text.Append(Sound[at]).Append('\n');
            foreach (string changed in (string[])[Sound[..at], $"{Sound[..at]}{Sound[(at + 1)..]}", $"{Sound[..at]}}}{Sound[(at + 1)..]}", $"{Sound[..at]} {Sound[at..]}"]) text.Append("  ").Append(Said(changed)).Append('\n');
        }

        return Snapshot.Verify(text.ToString(), "txt");
    }

    private static void Append(StringBuilder to, string header) => to.Append(MessageText.Harmless(header)).Append("\n  ").Append(Said(header)).Append('\n');

    private static string Said(string header)
    {
        try
        {
            return string.Join(", ", SafetensorsHeader.Read(Encoding.UTF8.GetBytes(header), 4).Entries.Values.Select(e => $"{e.Name} {e.Offset} {e.Length}"));
        }
        catch (SafetensorsHeaderException e)
        {
            return MessageText.Harmless($"{(e.Tensor is null ? "" : $"tensor '{e.Tensor}': ")}{e.Message}");
        }
    }
}
