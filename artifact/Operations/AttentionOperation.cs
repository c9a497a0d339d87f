namespace Specializer.Manifest;

/// <summary>Multi-head self-attention over an FP32 map that holds q, k and v side by side, into an FP32 map.</summary>
/// <param name="Name">Module path.</param>
/// <param name="Input">Map read.</param>
/// <param name="Output">Map written.</param>
/// <param name="Heads">Heads, contiguous in each of q, k and v.</param>
/// <param name="ProductBits">Bits of what q·kᵀ and softmax·v multiply: 32, or 8, for which q, k and v each have a <see cref="QuantizationSlots">slot</see>.</param>
internal sealed record AttentionOperation(string Name, string Input, string Output, int Heads, int ProductBits = 32) : UnaryOperation(Name, Input, Output)
{
    public const string JsonName = "attention";

    public override string Kind => JsonName;

    public static Operation Read(ObjectBinder o) => new AttentionOperation(
        o.ModulePath("name"),
        o.ModulePath("input"),
        o.ModulePath("output"),
        o.Integer("heads", 1, ManifestLimits.Channels),
        ReadProductBits(o));

    public override void Write(JsonText json)
    {
        base.Write(json);
        json.Key("heads").Value(Heads);
        WriteProductBits(json, ProductBits);
    }

    public override void Check(OperationCheck check)
    {
        Map input = check.Maps[Input];
        Map output = check.Maps[Output];
        if (!check.ExpectFloat("input") || !check.ExpectFloat("output")) return;
        if (input.Height != output.Height || input.Width != output.Width || input.Channels != 3 * output.Channels)
        {
            check.Report(ManifestErrorId.Shape,
                $"Attention reads q, k and v side by side: three times the channels of its output. The input is {input.Size}, the output {output.Size}.", "input");
        }
        else if (output.Channels % Heads != 0)
        {
            check.Report(ManifestErrorId.Shape, $"{Heads} heads do not divide {output.Channels} channels.", "heads");
        }
        else if (ProductBits == 8)
        {
            CheckSums(check, output.Pixels, output.Channels / Heads);
        }
    }

    /// <summary>32 where nothing is said.</summary>
    internal static int ReadProductBits(ObjectBinder o) => o.Has("productBits") ? o.OneOf("productBits", 8, 32) : 32;

    /// <summary>Says nothing of 32.</summary>
    internal static void WriteProductBits(JsonText json, int bits)
    {
        if (bits != 32) json.Key("productBits").Value(bits);
    }

    /// <summary>Query, key and value.</summary>
    internal static int ProductSlots(int bits) => bits == 32 ? 0 : 3;

    /// <summary>Reports sums of 8-bit products that could leave 32 bits.</summary>
    internal static void CheckSums(OperationCheck check, long keys, int headChannels)
    {
        if (Math.Max(keys, headChannels) * 255 * 255 > int.MaxValue)
            check.Report(ManifestErrorId.Limit, $"{keys} pixels and {headChannels} channels a head can overflow the 32-bit sums of 8-bit products. Use productBits 32.", "productBits");
    }

    public override int Slots => ProductSlots(ProductBits);

    public override OperationCost Cost(IReadOnlyDictionary<string, Map> maps) =>
        new(2 * maps[Output].Pixels * maps[Output].Pixels * maps[Output].Channels, ProductBits);

    public override T Accept<T>(IOperationVisitor<T> visitor) => visitor.Visit(this);
}

internal partial interface IOperationVisitor<out T>
{
    T Visit(AttentionOperation operation);
}
