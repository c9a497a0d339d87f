using Specializer.Packing;

namespace Specializer.Manifest;

/// <summary>Convolution (a linear layer over pixels is 1×1). Tensors: <c>NAME.weight</c>: I8 [O, K, K, I] for 8 bits, U8 [O, ⌈K·K·I/2⌉] for 4 bits
/// (element 2j in the low nibble, two's complement, same element order), F16 or F32 [O, K, K, I] for 16 and 32; <c>NAME.scale</c> F32 [O] for 4 and 8 bits; <c>NAME.bias</c> F32 [O].</summary>
/// <param name="Name">Module path.</param>
/// <param name="Input">Map read: quantized for 4 and 8 bits, FP32 for 16 and 32.</param>
/// <param name="Output">FP32 map written.</param>
/// <param name="Residual">FP32 map added, or null. The planner gives it the output's memory when this is its last use.</param>
/// <param name="KernelSize">Odd.</param>
/// <param name="Stride">1 or 2.</param>
/// <param name="PaddingTop">Zero rows above.</param>
/// <param name="PaddingLeft">Zero columns to the left.</param>
/// <param name="Upsample">Nearest-neighbour factor before the convolution: 1 or 2. What is enlarged has the output's size: twice the input's, or without the last row or column.</param>
/// <param name="WeightBits">4 or 8; or 16 or 32 in floating point: then it is computed in FP32, whatever the weights are stored in.</param>
/// <param name="Vector">First element of the embedding's vectors to add, or −1.</param>
/// <param name="OutputScale">Factor after the residual.</param>
internal sealed record ConvolutionOperation(
    string Name, string Input, string Output, string? Residual,
    int KernelSize, int Stride, int PaddingTop, int PaddingLeft, int Upsample, int WeightBits, int Vector, Number OutputScale) : Operation(Name)
{
    public const string JsonName = "convolution";

    public override string Kind => JsonName;

    /// <summary>Whether it is computed in integers.</summary>
    public bool IsInteger => WeightBits is 4 or 8;

    public static Operation Read(ObjectBinder o) => new ConvolutionOperation(
        o.ModulePath("name"),
        o.ModulePath("input"),
        o.ModulePath("output"),
        o.ModulePathOrNull("residual"),
        o.Integer("kernelSize", 1, ManifestLimits.KernelSize),
        o.OneOf("stride", 1, 2),
        o.Integer("paddingTop", 0, ManifestLimits.KernelSize),
        o.Integer("paddingLeft", 0, ManifestLimits.KernelSize),
        o.OneOf("upsample", 1, 2),
        o.OneOf("weightBits", 4, 8, 16, 32),
        o.Integer("vector", -1, ManifestLimits.Vectors),
        o.Number("outputScale", NumberRange.NotZero));

    public override IEnumerable<Port> Reads() => Residual is null ? [new("input", Input)] : [new("input", Input), new("residual", Residual)];

    public override IEnumerable<Port> Writes() => [new("output", Output)];

    public override string? Overwritten => Residual;

    public override bool ReadsVectors => Vector >= 0;

    public override Operation Rename(string name, Func<string, string> map) =>
        this with { Name = name, Input = map(Input), Output = map(Output), Residual = Residual is null ? null : map(Residual) };

    public override void Write(JsonText json) => json.Key("input").Value(Input).Key("output").Value(Output).Key("residual").Value(Residual)
        .Key("kernelSize").Value(KernelSize).Key("stride").Value(Stride).Key("paddingTop").Value(PaddingTop)
        .Key("paddingLeft").Value(PaddingLeft).Key("upsample").Value(Upsample).Key("weightBits").Value(WeightBits)
        .Key("vector").Value(Vector).Key("outputScale").Value(OutputScale);

    public override void Check(OperationCheck check)
    {
        Map input = check.Maps[Input];
        Map output = check.Maps[Output];
        MapType expected = WeightBits switch { 4 => MapType.Quantized8, 8 => MapType.Quantized16, _ => MapType.Float32 };
        if (input.Type != expected)
        {
            check.Report(ManifestErrorId.ElementType,
                $"A convolution with {WeightBits}-bit weights reads a {Map.TypeName(expected)} map; {Names.Quote(Input)} is {Map.TypeName(input.Type)}.", "input");
            return;
        }

        if (!check.ExpectFloat("output")) return;
        if (KernelSize % 2 == 0)
        {
            check.Report(ManifestErrorId.Range, $"The kernel size {KernelSize} is even; only odd ones are possible.", "kernelSize");
            return;
        }

        if (!CheckExtent("rows", input.Height, output.Height, PaddingTop, "paddingTop", check)
            || !CheckExtent("columns", input.Width, output.Width, PaddingLeft, "paddingLeft", check)) return;
        if (Residual is not null && check.ExpectFloat("residual")) check.ExpectEqual(Output, "residual");
        if (Vector >= 0 && Vector + output.Channels > check.Vectors)
        {
            check.Report(ManifestErrorId.Range,
                $"The vector's elements {Vector} to {Vector + output.Channels - 1} are not all within the embedding's {check.Vectors}.", "vector");
        }

        if (IsInteger && (long)KernelSize * KernelSize * input.Channels * 255 * 127 > int.MaxValue)
            check.Report(ManifestErrorId.Limit, $"{KernelSize}×{KernelSize}×{input.Channels} products of 8-bit numbers can overflow the 32-bit sums of the kernels. Use weightBits 32.");
    }

    /// <summary>Output = ⌊(input + padding before + padding after − K) / stride⌋ + 1, with 0 ≤ padding after ≤ K. Only the padding before stands
    /// in the manifest; the one after is whatever makes up the output. What is enlarged has the output's size, which padding keeps.</summary>
    private bool CheckExtent(string what, int input, int output, int before, string property, OperationCheck check)
    {
        int padded = input + before - KernelSize;
        int after = Math.Max(0, (output - 1) * Stride - padded);
        if (Upsample == 1
            ? before < KernelSize && after <= KernelSize && padded + after >= 0 && (padded + after) / Stride + 1 == output
            : Stride == 1 && before == KernelSize / 2 && (output + 1) / 2 == input) return true;
        string possible = Upsample == 1 ? $" with any padding after of at most {KernelSize}." : $": with padding {KernelSize / 2} and stride 1 they give {2L * input - 1} or {2L * input}.";
        check.Report(ManifestErrorId.Shape, $"{input} {what}, upsampled {Upsample}×, padded by {before} before, kernel size {KernelSize} and stride {Stride} do not give {output} {what}{possible}", property);
        return false;
    }

    public override IEnumerable<WeightTensor> Tensors(IReadOnlyDictionary<string, Map> maps)
    {
        int outputs = maps[Output].Channels, inputs = maps[Input].Channels;
        // Rows of 4-bit elements start at whole bytes.
        yield return WeightBits == 4
            ? new($"{Name}.weight", "U8", outputs, ((long)KernelSize * KernelSize * inputs + 1) / 2)
            : new($"{Name}.weight", WeightBits switch { 8 => "I8", 16 => "F16", _ => "F32" }, outputs, KernelSize, KernelSize, inputs);
        if (IsInteger) yield return new($"{Name}.scale", "F32", outputs);
        yield return new($"{Name}.bias", "F32", outputs);
    }

    public override long PackedBytes(IReadOnlyDictionary<string, Map> maps)
    {
        int inputs = maps[Input].Channels, outputs = maps[Output].Channels;
        long row = WeightLayout.Align((outputs + 15L) / 16 * 16 * 4);
        return WeightLayout.Align(WeightLayout.PanelBytes(inputs, outputs, KernelSize, WeightBits)) + (IsInteger ? 3 * row : row);
    }

    public override int[] PackedShape(IReadOnlyDictionary<string, Map> maps) => [maps[Input].Channels, maps[Output].Channels, KernelSize, WeightBits];

    public override void Pack(WeightSections sections, IReadOnlyDictionary<string, Map> maps)
    {
        int inputs = maps[Input].Channels, outputs = maps[Output].Channels;
        if (!IsInteger)
        {
            sections.FloatPanels($"{Name}.weight", inputs, outputs, KernelSize, WeightBits);
            sections.Floats($"{Name}.bias");
            return;
        }

        byte[] sums = sections.IntegerPanels($"{Name}.weight", inputs, outputs, KernelSize, WeightBits);
        sections.Positive($"{Name}.scale");
        sections.Floats($"{Name}.bias");
        sections.Write(sums);
    }

    public override OperationCost Cost(IReadOnlyDictionary<string, Map> maps) =>
        new(maps[Output].Pixels * maps[Output].Channels * maps[Input].Channels * KernelSize * KernelSize, IsInteger ? WeightBits : 32);

    public override T Accept<T>(IOperationVisitor<T> visitor) => visitor.Visit(this);
}

internal partial interface IOperationVisitor<out T>
{
    T Visit(ConvolutionOperation operation);
}
