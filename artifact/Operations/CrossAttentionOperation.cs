namespace Specializer.Manifest;

/// <summary>Multi-head attention whose keys and values come from another map than its queries. With one key it is its value.</summary>
/// <param name="Name">Module path.</param>
/// <param name="Input">FP32 map of the queries.</param>
/// <param name="Context">FP32 map that holds keys and values side by side.</param>
/// <param name="Output">FP32 map written.</param>
/// <param name="Heads">Heads, contiguous in each of q, k and v.</param>
/// <param name="Causal">Whether a pixel sees only those up to its own index.</param>
/// <param name="ProductBits">Bits of what q·kᵀ and softmax·v multiply: 32, or 8, for which q, k and v each have a <see cref="QuantizationSlots">slot</see>.</param>
internal sealed record CrossAttentionOperation(string Name, string Input, string Context, string Output, int Heads, bool Causal, int ProductBits = 32) : Operation(Name)
{
    public const string JsonName = "crossAttention";

    public override string Kind => JsonName;

    public static Operation Read(ObjectBinder o) => new CrossAttentionOperation(
        o.ModulePath("name"),
        o.ModulePath("input"),
        o.ModulePath("context"),
        o.ModulePath("output"),
        o.Integer("heads", 1, ManifestLimits.Channels),
        o.Boolean("causal"),
        AttentionOperation.ReadProductBits(o));

    public override IEnumerable<Port> Reads() => [new("input", Input), new("context", Context)];

    public override IEnumerable<Port> Writes() => [new("output", Output)];

    public override Operation Rename(string name, Func<string, string> map) =>
        this with { Name = name, Input = map(Input), Context = map(Context), Output = map(Output) };

    public override void Write(JsonText json)
    {
        json.Key("input").Value(Input).Key("context").Value(Context).Key("output").Value(Output).Key("heads").Value(Heads).Key("causal").Value(Causal);
        AttentionOperation.WriteProductBits(json, ProductBits);
    }

    public override void Check(OperationCheck check)
    {
        Map input = check.Maps[Input], context = check.Maps[Context];
        if (!check.ExpectFloat("input") || !check.ExpectFloat("context") || !check.ExpectFloat("output") || !check.ExpectEqual(Input, "output")) return;
        if (context.Channels != 2 * input.Channels)
            check.Report(ManifestErrorId.Shape, $"The context holds keys and values side by side: twice the channels of the queries. It is {context.Size}, the input {input.Size}.", "context");
        else if (input.Channels % Heads != 0)
            check.Report(ManifestErrorId.Shape, $"{Heads} heads do not divide {input.Channels} channels.", "heads");
        else if (Causal && context.Pixels != input.Pixels)
            check.Report(ManifestErrorId.Shape, $"Causal attention needs as many keys as queries; there are {context.Pixels} and {input.Pixels}.", "context");
        else if (ProductBits == 8)
            AttentionOperation.CheckSums(check, context.Pixels, input.Channels / Heads);
    }

    public override int Slots => AttentionOperation.ProductSlots(ProductBits);

    public override OperationCost Cost(IReadOnlyDictionary<string, Map> maps) =>
        new(2 * maps[Output].Pixels * maps[Context].Pixels * maps[Output].Channels, ProductBits);

    public override T Accept<T>(IOperationVisitor<T> visitor) => visitor.Visit(this);
}

internal partial interface IOperationVisitor<out T>
{
    T Visit(CrossAttentionOperation operation);
}
