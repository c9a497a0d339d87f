using System.Text;
using Specializer.Formats;
using Specializer.Tests;

namespace Specializer.Runtime.Tests.Formats;

public sealed class SafetensorsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void WhatIsWrittenIsRead()
    {
        var writer = new SafetensorsWriter();
        writer.Add("b", new float[] { 1.5f, -0f, float.NaN, 3e38f, 0.1f, -7 }, 2, 3);
        writer.Add("a", new sbyte[] { -128, 127, 5 }, 3);
        writer.Add("ü \"quoted\"", new long[] { long.MinValue }, 1, 1);
        writer.Add("scalar", new int[] { -9 });
        writer.Add("empty", Array.Empty<byte>(), 0, 4);
        writer.AddMetadata("k", "a\nvalue");
        writer.Write(_folder.File("x.safetensors"));

        using var file = SafetensorsFile.Open(_folder.File("x.safetensors"));
        Assert.Equal(["a", "b", "empty", "scalar", "ü \"quoted\""], file.Entries.Keys.Order(StringComparer.Ordinal));
        Assert.Equal([1.5f, -0f, float.NaN, 3e38f, 0.1f, -7], file.ReadFloats("b"));
        Assert.Equal([2, 3], file.Entries["b"].Shape);
        Assert.Equal([-128, 127, 5], file.ReadIntegers("a"));
        Assert.Equal([long.MinValue], file.ReadIntegers("ü \"quoted\""));
        Assert.Equal([-9], file.ReadIntegers("scalar"));
        Assert.Empty(file.Entries["scalar"].Shape);
        Assert.Equal(1, file.Entries["scalar"].Elements);
        Assert.Empty(file.ReadIntegers("empty"));
        Assert.Equal(new byte[] { 0x80, 0x7F, 5 }, file.Bytes("a"));
        Assert.Equal("a\nvalue", Assert.Single(file.Metadata).Value);
        // Larger elements first and a padded header: every tensor is aligned to its element size.
        var headerLength = BitConverter.ToInt64(File.ReadAllBytes(_folder.File("x.safetensors")));
        Assert.All(file.Entries.Values, e => Assert.Equal(0, (8 + headerLength + e.Offset) % e.Type.Size()));
    }

    [Fact]
    public void TheBytesDoNotDependOnTheOrderOfAddition()
    {
        static byte[] Build(params string[] names)
        {
            var writer = new SafetensorsWriter();
            foreach (var name in names)
            {
                writer.Add(name, new float[] { name[0] }, 1);
                writer.AddMetadata(name, "v");
            }
            using var stream = new MemoryStream();
            writer.Write(stream);
            return stream.ToArray();
        }
        Assert.Equal(Build("a", "b", "B"), Build("B", "b", "a"));
    }

    [Fact]
    public void OtherFloatTypesAreConverted()
    {
        byte[] data =
        [
            .. BitConverter.GetBytes((Half)0.333), .. BitConverter.GetBytes(Half.NegativeInfinity),
            0x80, 0x3F, 0x49, 0xC0, // 1 and -3.140625 as BF16, little-endian
            .. BitConverter.GetBytes(0.1),
        ];
        using var file = Open("""{"h":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"b":{"dtype":"BF16","shape":[2],"data_offsets":[4,8]},"d":{"dtype":"F64","shape":[],"data_offsets":[8,16]}}""", data);
        Assert.Equal([(float)(Half)0.333, float.NegativeInfinity], file.ReadFloats("h"));
        Assert.Equal([1f, -3.140625f], file.ReadFloats("b"));
        Assert.Equal([0.1f], file.ReadFloats("d"));
    }

    [Fact]
    public void OtherIntegerTypesAreConverted()
    {
        using var file = Open(
            """{"u4":{"dtype":"U32","shape":[1],"data_offsets":[0,4]},"i2":{"dtype":"I16","shape":[1],"data_offsets":[4,6]},"u2":{"dtype":"U16","shape":[1],"data_offsets":[6,8]},"t":{"dtype":"BOOL","shape":[1],"data_offsets":[8,9]},"u8":{"dtype":"U64","shape":[1],"data_offsets":[9,17]}}""",
            [0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0xFE, 0xFF, 1, 255, 255, 255, 255, 255, 255, 255, 255]);
        Assert.Equal([uint.MaxValue], file.ReadIntegers("u4"));
        Assert.Equal([-2], file.ReadIntegers("i2"));
        Assert.Equal([0xFFFE], file.ReadIntegers("u2"));
        Assert.Equal([1], file.ReadIntegers("t"));
        Assert.Contains("does not fit", Assert.Throws<SafetensorsException>(() => file.ReadIntegers("u8")).Message);
    }

    public static TheoryData<string, string> DamagedHeaders => new()
    {
        { """[]""", "does not start with '{'" },
        { """ {}""", "does not start with '{'" },
        { """{""", "JSON" },
        { """{}x""", "JSON" },
        { """{"a":1}""", "'{' is expected" },
        { """{"a":{"shape":[4],"data_offsets":[0,4]}}""", "needs 'dtype'" },
        { """{"a":{"dtype":"U8","shape":[4]}}""", "data_offsets" },
        { """{"a":{"dtype":"U9","shape":[4],"data_offsets":[0,4]}}""", "unknown dtype 'U9'" },
        { """{"a":{"dtype":"u8","shape":[4],"data_offsets":[0,4]}}""", "unknown dtype" },
        { """{"a":{"dtype":"U8","dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", "'dtype' occurs twice" },
        { """{"a":{"dtype":"U8","shape":[-4],"data_offsets":[0,4]}}""", "only integers" },
        { """{"a":{"dtype":"U8","shape":[4.0],"data_offsets":[0,4]}}""", "only integers" },
        { """{"a":{"dtype":"U8","shape":["4"],"data_offsets":[0,4]}}""", "a digit is expected" },
        { """{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4,4]}}""", "holds 3 numbers" },
        { """{"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}""", "before its begin" },
        { """{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,4]}}""", "takes 3 bytes" },
        { """{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,4]}}""", "takes 16 bytes" },
        { """{"a":{"dtype":"U8","shape":[4294967296,4294967297],"data_offsets":[0,4]}}""", "too large" },
        { """{"a":{"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]}}""", "too large" },
        { """{"a":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,4]}}""", "only integers" },
        { """{"a":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}""", "no gaps or overlaps" },
        { """{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}""", "no gaps or overlaps" },
        { """{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}""", "no gaps or overlaps" },
        { """{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}""", "holds 4 bytes" },
        { """{"a":{"dtype":"U8","shape":[5],"data_offsets":[0,5]}}""", "truncated" },
        { """{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", "tensor 'a': occurs twice" },
        { """{"\u0061":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", "tensor 'a': occurs twice" },
        { """{"\ud800":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", "JSON" },
        { """{"__metadata__":{"k":1},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", "'\"' is expected" },
        { """{"__metadata__":{"k":"1","k":"2"},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", "'k' occurs twice" },
        { """{"__metadata__":{},"__metadata__":{},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", "occurs twice" },
        { """{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},}""", "JSON" },
    };

    [Theory]
    [MemberData(nameof(DamagedHeaders))]
    public void DamagedHeadersAreRefused(string header, string cause)
    {
        var error = Assert.Throws<SafetensorsException>(() => Open(header, [1, 2, 3, 4]));
        Assert.Contains(cause, error.Message);
        Assert.StartsWith(error.File + ": ", error.Message);
    }

    [Fact]
    public void NamesFromAFileAreHarmlessInMessages()
    {
        string message = Assert.Throws<SafetensorsException>(() => Open($$"""{"\u001b[2J\u202e{{new string('x', 10_000)}}":1}""", [])).Message;
        Assert.Contains(@"'\u001B[2J\u202Exx", message);
        Assert.DoesNotContain('\u001b', message);
        Assert.InRange(message.Length, 1, 1500);
    }

    [Fact]
    public void FieldsOfLaterVersionsAreIgnored()
    {
        using var file = Open("""{"a":{"dtype":"U8","new":{"x":[1]},"shape":[4],"data_offsets":[0,4]}}  """, [1, 2, 3, 4]);
        Assert.Equal(new byte[] { 1, 2, 3, 4 }, file.Bytes("a"));
    }

    [Fact]
    public void MetadataMayBeNull()
    {
        using var file = Open("""{"__metadata__":null,"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", [1, 2, 3, 4]);
        Assert.Empty(file.Metadata);
        Assert.Equal(["a"], file.Entries.Keys);
    }

    [Fact]
    public void EscapesAreReadAsAnyJsonReaderDoes()
    {
        using var file = Open("""{"\"\\\/\b\f\n\r\t\u00fc\uD83D\uDE00ü😀" : {"dtype":"U8", "shape":[0], "data_offsets":[0,0]}}""", []);
        Assert.Equal(["\"\\/\b\f\n\r\tü😀ü😀"], file.Entries.Keys);
    }

    [Fact]
    public void TensorsAndDimensionsAreCapped()
    {
        string Header(int tensors) => "{" + string.Join(',', Enumerable.Range(0, tensors).Select(i => $"\"{i}\":{{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}")) + "}";
        using (SafetensorsFile most = Open(Header(65_536), [])) Assert.Equal(65_536, most.Entries.Count);
        Assert.Contains("65536 tensors", Assert.Throws<SafetensorsException>(() => Open(Header(65_537), [])).Message);

        string Shape(int dimensions) => $"{{\"a\":{{\"dtype\":\"U8\",\"shape\":[{string.Join(',', Enumerable.Repeat("1", dimensions))}],\"data_offsets\":[0,1]}}}}";
        using (SafetensorsFile most = Open(Shape(64), [1])) Assert.Equal(64, most.Entries["a"].Shape.Length);
        Assert.Contains("more than 64", Assert.Throws<SafetensorsException>(() => Open(Shape(65), [1])).Message);
    }

    /// <summary>What is read beyond the fields needed is bounded: a header nested without end must not end the process.</summary>
    [Fact]
    public void DepthIsCapped()
    {
        string Nested(int depth) => $"{{\"a\":{{\"x\":{new string('[', depth)}{new string(']', depth)},\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}}}";
        Open(Nested(60), []).Dispose();
        Assert.Contains("nested", Assert.Throws<SafetensorsException>(() => Open(Nested(1_000_000), [])).Message);
    }

    /// <summary>An independent reader of JSON, on every text that differs from a valid header in one byte, accepts the syntax of all that is accepted here.</summary>
    [Fact]
    public void TheSyntaxIsThatOfAnotherReader()
    {
        byte[] header = [.. """{"a":{"x":[-0.5e+1,true,{"y":null}],"dtype":"U8","shape":[0],"data_offsets":[0,0]}} """u8];
        int accepted = 0;
        for (int at = 1; at < header.Length; at++)
        {
            for (int value = 0; value < 128; value++)
            {
                byte[] damaged = [.. header];
                damaged[at] = (byte)value;
                string? cause = null;
                try
                {
                    SafetensorsHeader.Read(damaged, 0);
                }
                catch (SafetensorsHeaderException e)
                {
                    cause = e.Message;
                }

                // What is valid may still say something wrong.
                if (cause is not null) continue;
                accepted++;
                Assert.True(IsJson(damaged), Encoding.UTF8.GetString(damaged));
            }
        }

        Assert.True(accepted > header.Length, $"{accepted}");

        static bool IsJson(byte[] text)
        {
            try
            {
                using var document = System.Text.Json.JsonDocument.Parse(text);
                return true;
            }
            catch (System.Text.Json.JsonException)
            {
                return false;
            }
        }
    }

    [Fact]
    public void PipesAndDevicesAreRefusedAtOnce()
    {
        if (!OperatingSystem.IsLinux()) return;
        using (var make = System.Diagnostics.Process.Start("mkfifo", _folder.File("pipe"))) make.WaitForExit();
        Assert.Contains("pipe", Assert.Throws<IOException>(() => SafetensorsFile.Open(_folder.File("pipe"))).Message);
        Assert.Contains("0 bytes", Assert.Throws<SafetensorsException>(() => SafetensorsFile.Open("/dev/zero")).Message);
        Assert.Contains("folder", Assert.Throws<IOException>(() => SafetensorsFile.Open(_folder.Root)).Message);
    }

    [Fact]
    public void DamagedFilesAreRefused()
    {
        AssertRefused([], "too few");
        AssertRefused([1, 0, 0, 0, 0, 0, 0], "too few");
        AssertRefused([3, 0, 0, 0, 0, 0, 0, 0, (byte)'{', (byte)'}'], "only 10 in all");
        AssertRefused([1, 0xE1, 0xF5, 5, 0, 0, 0, 0, (byte)'{', (byte)'}'], "100000001 bytes, more than");
        AssertRefused([255, 255, 255, 255, 255, 255, 255, 255, (byte)'{', (byte)'}'], "more than");
        AssertRefused([0, 0, 0, 0, 0, 0, 0, 0], "does not start");
        AssertRefused([7, 0, 0, 0, 0, 0, 0, 0, (byte)'{', (byte)'"', 0xFF, (byte)'"', (byte)':', (byte)'0', (byte)'}'], "not valid UTF-8");
        Assert.Throws<FileNotFoundException>(() => SafetensorsFile.Open(_folder.File("missing")));
    }

    /// <summary>No damage to a valid file may lead to anything but a typed error or a valid file.</summary>
    [Fact]
    public void FlippedAndCutBytesAreHandled()
    {
        var header = """{"__metadata__":{"k":"v"},"a":{"dtype":"U8","shape":[2,2],"data_offsets":[0,4]}}"""u8;
        Assert.Equal(4, SafetensorsHeader.Read(header.ToArray(), 4).Entries["a"].Length);
        var (refused, accepted) = (0, 0);
        for (var at = 0; at < header.Length; at++)
        {
            for (var value = 0; value < 256; value++)
            {
                var damaged = header.ToArray();
                damaged[at] = (byte)value;
                Count(damaged);
            }
            Count(header[..at].ToArray());
        }
        Assert.True(refused > accepted && accepted > header.Length, $"{refused} refused, {accepted} accepted");

        void Count(byte[] bytes)
        {
            try
            {
                SafetensorsHeader.Read(bytes, 4);
                accepted++;
            }
            catch (SafetensorsHeaderException)
            {
                refused++;
            }
        }
    }

    [Fact]
    public void WrongRequestsAreRefused()
    {
        var file = Open("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", [1, 2, 3, 4]);
        Assert.Equal("nope", Assert.Throws<SafetensorsException>(() => file.ReadFloats("nope")).Tensor);
        Assert.Contains("is of type U8", Assert.Throws<SafetensorsException>(() => file.ReadFloats("a")).Cause);
        file.Dispose();
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.ReadIntegers("a"));

        var writer = new SafetensorsWriter();
        Assert.Throws<ArgumentException>(() => writer.Add("x", new float[3], 2));
        Assert.Throws<ArgumentException>(() => writer.Add("x", new float[4], -2, -2));
        Assert.Throws<ArgumentException>(() => writer.Add("x", new float[1], long.MaxValue));
        Assert.Throws<ArgumentException>(() => writer.Add("__metadata__", new float[1], 1));
        writer.Add("x", new float[1], 1);
        Assert.Throws<ArgumentException>(() => writer.Add("x", new float[1], 1));
    }

    [SharedFact("models/mnist-ddpm")]
    public void ARealModelIsRead()
    {
        using var file = SafetensorsFile.Open(Path.Combine(SharedData.Model, "diffusion_pytorch_model.safetensors"));
        Assert.True(file.Entries.Count > 50);
        foreach (var (name, entry) in file.Entries)
        {
            var x = file.ReadFloats(name);
            Assert.Equal(entry.Elements, x.Length);
            Assert.All(x, v => Assert.True(float.IsFinite(v)));
        }
    }

    private void AssertRefused(byte[] bytes, string cause)
    {
        File.WriteAllBytes(_folder.File("damaged"), bytes);
        Assert.Contains(cause, Assert.Throws<SafetensorsException>(() => SafetensorsFile.Open(_folder.File("damaged"))).Message);
    }

    private SafetensorsFile Open(string header, byte[] data)
    {
        var json = Encoding.UTF8.GetBytes(header);
        File.WriteAllBytes(_folder.File("file"), [.. BitConverter.GetBytes((long)json.Length), .. json, .. data]);
        return SafetensorsFile.Open(_folder.File("file"));
    }
}
