using Specializer.Manifest;
using JsonNode = Specializer.Manifest.JsonNode;

namespace Specializer.Generator.Tests;

/// <summary>What is written is read as what it was.</summary>
public sealed class WritingTests
{
    private static readonly CalibrationManifest[] s_manifests =
    [
        Read(new ManifestBuilder { Classes = 3, EmbeddingWidth = 16, Guided = true }.WithEveryOperation()), Read(new ManifestBuilder { ProductBits = 8 }.WithEveryOperation()), Read(new ManifestBuilder { ProductBits = 8 }.WithMapOperations()),
        Read(new ManifestBuilder().WithMapOperations()), Read(new ManifestBuilder { Pictures = true, Guided = true }.WithNetworks()),
    ];

    [Fact]
    public void Operations_of_every_kind_are_read_as_they_were_written()
    {
        Operation[] operations = [.. s_manifests.SelectMany(m => m.Network.Operations.Concat(m.Encoders.SelectMany(e => e.Network.Operations)))];
        Assert.Equal(OperationKinds.Names, operations.Select(o => o.Kind).Distinct().Order(StringComparer.Ordinal));
        foreach (Operation operation in operations)
        {
            Operation read = ReadBack(json =>
            {
                json.Key("name").Value(operation.Name);
                operation.Write(json);
            }, o => OperationKinds.Read(operation.Kind, o));
            Assert.Equal(operation, read);
        }
    }

    /// <summary>Multiply-accumulates of one image, and the bits of what is multiplied.</summary>
    [Fact]
    public void Operations_cost_what_they_multiply()
    {
        var maps = s_manifests[1].Network.Maps.ToDictionary(m => m.Name);
        OperationCost Cost(string name) => s_manifests[1].Network.Operations.Single(o => o.Name == name).Cost(maps);
        Assert.Equal(new(8 * 8 * 8 * 9, 8), Cost("conv_in"));
        Assert.Equal(new(4 * 4 * 8 * 8 * 9, 4), Cost("down_blocks.0.downsamplers.0.conv"));
        Assert.Equal(new(4 * 4 * 24 * 8, 32), Cost("mid_block.attentions.0.to_qkv"));
        Assert.Equal(new(2 * 16 * 16 * 8, 8), Cost("mid_block.attentions.0.attention"));
        Assert.Equal(default, Cost("conv_norm_out"));
        Assert.Equal(new(2 * 64 * 64 * 8, 8), s_manifests[2].Network.Operations.OfType<CrossAttentionOperation>().Single().Cost(s_manifests[2].Network.Maps.ToDictionary(m => m.Name)));
    }

    [Fact]
    public void Renamed_operations_read_and_write_the_renamed_maps()
    {
        foreach (Operation operation in s_manifests.SelectMany(m => m.Network.Operations))
        {
            Operation renamed = operation.Rename("n." + operation.Name, map => "m." + map);
            Assert.Equal("n." + operation.Name, renamed.Name);
            Assert.Equal(operation.Inputs().Select(m => "m." + m), renamed.Inputs());
            Assert.Equal(operation.Outputs().Select(m => "m." + m), renamed.Outputs());
            Assert.Equal(operation, renamed.Rename(operation.Name, map => map[2..]));
        }
    }

    [Fact]
    public void Statements_of_every_kind_are_read_as_they_were_written()
    {
        Statement[] statements =
        [
            new DrawStatement(Register.Noise, -1), new ExponentialSigmaStatement(Register.Noise, new("0.5"), new("-1e-3")), new RootSigmaStatement(Register.Noise), new ClipStatement(Register.Original, new("1.50")),
            new ThresholdStatement(Register.Original, new("0.995"), new("1")), new LinearStatement(Register.State, new([new(Register.Saved(1), new("1")), new(Register.Noise, new("-0.0"))])), new BlendStatement(Register.State),
        ];
        Assert.Equal(statements, ReadBack(json => StatementJson.Write(json.Key("statements"), new EquatableArray<Statement>(statements)), o => StatementJson.Read(o, "statements")));
        foreach (SolverStart start in (SolverStart[])[new(new("0.5"), new("0.25")), new(new("0"), new("1")) { First = new([new(statements), new([statements[0]])]) }])
            Assert.Equal(start, ReadBack(json => StatementJson.Write(json.Key("start"), start), o => StatementJson.ReadStart(o.Object("start"))));
    }

    [Theory]
    [InlineData("a\\b\n\r\t\b\f\"&'+<>`\u0001\u007Fé\u2028😀")]
    [InlineData("")]
    [InlineData(null)]
    public void Texts_are_read_as_they_were_written_and_hold_nothing_that_others_take_for_markup(string? text)
    {
        string written = new JsonText().Open('{').Key("a").Value(text).Close('}').ToString();
        Assert.All(written, c => Assert.InRange(c, ' ', '~'));
        Assert.DoesNotContain(written, c => "&'+<>`".Contains(c, StringComparison.Ordinal));
        JsonNode value = Parse(written)["a"]!;
        Assert.Equal((text is null ? JsonKind.Null : JsonKind.String, text ?? ""), (value.Kind, value.Text));
    }

    [Fact]
    public void What_a_value_is_not_it_has_none_of()
    {
        JsonNode root = Parse(" \t\r\n{ \"a\" : 1 , \"b\" : [ true ] } \r\n\t ");
        Assert.Empty(root["a"]!.Items);
        Assert.Empty(root["a"]!.Members);
        Assert.False(root["a"]!.IsTrue);
        Assert.Equal("", root["b"]!.Text);
        Assert.True(root["b"]!.Items[0].IsTrue);
        Assert.Null(root["b"]!["a"]);
        Assert.False(JsonReader.Parse("\"\uD83D", out _, out _));
        Assert.False(JsonReader.Parse("\"\\uD83D\\", out _, out _));
        string deep = string.Concat(Enumerable.Repeat("{\"a\":", JsonReader.MaximumDepth));
        Assert.True(JsonReader.Parse(deep + "1" + new string('}', JsonReader.MaximumDepth), out _, out _));
        Assert.False(JsonReader.Parse(deep + "{}" + new string('}', JsonReader.MaximumDepth), out _, out _));
    }

    private static CalibrationManifest Read(ManifestBuilder builder) => ManifestReader.Read(builder.ToString()).Manifest!;

    private static JsonNode Parse(string text)
    {
        Assert.True(JsonReader.Parse(text, out JsonNode? root, out JsonError? error), error?.Message);
        return root!;
    }

    private static T ReadBack<T>(Action<JsonText> write, Func<ObjectBinder, T> read)
    {
        JsonText json = new JsonText().Open('{');
        write(json);
        string text = json.Close('}').ToString();
        var log = new ErrorLog(new LineMap(text));
        var binder = new ObjectBinder(Parse(text), "what was written", log);
        T value = read(binder);
        binder.Done();
        Assert.Empty(log.Errors);
        return value;
    }
}
