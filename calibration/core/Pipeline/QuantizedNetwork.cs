using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>An FP32 network with its convolutions turned to integers: maps that only they read become quantized, and where an FP32 map feeds one,
/// a quantization is put before it. Attention quantizes its own factors when asked to.</summary>
internal sealed class QuantizedNetwork
{
    private readonly Dictionary<string, Map> _maps;
    private readonly Dictionary<string, int> _bits;
    private readonly List<Operation> _operations = [];
    private readonly List<Map> _added = [];
    private readonly Dictionary<string, string> _sources = new(StringComparer.Ordinal);

    private QuantizedNetwork(Network network, int weightBits, IReadOnlyCollection<string> skip, int attentionBits, IReadOnlyCollection<string> eightBits)
    {
        _maps = network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        // First and last convolution stay at 8 bits; for the halves of a convolution over a skip concatenation its own name counts, too.
        _bits = network.Operations.OfType<ConvolutionOperation>().ToDictionary(o => o.Name, o =>
            skip.Contains(o.Name) ? 32 : Enters(o.Input, network) || network.AllOutputs().Contains(o.Output) || eightBits.Contains(o.Name) ? 8 : weightBits, StringComparer.Ordinal);
        foreach (Operation operation in network.Operations.Where(o => o.QuantizesOutputs)) Fuse(network, operation);
        foreach (Operation operation in network.Operations)
        {
            _operations.Add(operation switch
            {
                ConvolutionOperation c => Convert(c),
                AttentionOperation a => a with { ProductBits = skip.Contains(a.Name) ? 32 : attentionBits },
                CrossAttentionOperation a => a with { ProductBits = skip.Contains(a.Name) ? 32 : attentionBits },
                _ => operation,
            });
        }

        Network = network with
        {
            Maps = network.Maps.Select(m => _maps[m.Name]).Concat(_added).ToEquatableArray(),
            Operations = _operations.ToEquatableArray(),
        };
        Map[] quantized = [.. Network.Maps.Where(m => m.IsQuantized)];
        Operation[] factored = [.. Network.Operations.Where(o => o.Slots > 0)];
        Sources = [.. quantized.Select(m => new ActivationSource(_sources.GetValueOrDefault(m.Name, m.Name))), .. factored.SelectMany(Factors)];
        var linked = LinkedNetwork.Of(Network);
        Operation[] calls = [.. linked.Network.Operations.Take(linked.CallOperations)];
        HashSet<string> called = [.. calls.SelectMany(o => o.Outputs())];
        Constant = [.. quantized.Select(m => called.Contains(m.Name)), .. factored.SelectMany(o => Enumerable.Repeat(calls.Contains(o), o.Slots))];
        Widened = [.. quantized.Select((m, slot) => m.Type == MapType.Quantized16 || Constant[slot]), .. factored.SelectMany(o => Enumerable.Repeat(true, o.Slots))];
    }

    /// <summary>The quantized network.</summary>
    public Network Network { get; private set; }

    /// <summary>Per slot (<see cref="QuantizationSlots"/>) what of the FP32 network it quantizes.</summary>
    public IReadOnlyList<ActivationSource> Sources { get; }

    /// <summary>Per slot whether it is filled once a call, so that all steps have one range, over all prompts.</summary>
    public IReadOnlyList<bool> Constant { get; }

    /// <summary>Per slot whether 8-bit weights or an attention read it, or a call fills it once, so that it has 8 bits at every step.</summary>
    public IReadOnlyList<bool> Widened { get; }

    /// <summary>Quantizes a network.</summary>
    /// <param name="network">All of whose maps are FP32.</param>
    /// <param name="weightBits">4 or 8.</param>
    /// <param name="skip">Convolutions, and attentions' products, to leave in FP32.</param>
    /// <param name="attentionBits">8 or 32, of the factors of attention's two products.</param>
    /// <param name="eightBits">Convolutions to keep at 8 bits.</param>
    public static QuantizedNetwork Of(Network network, int weightBits, IReadOnlyCollection<string> skip, int attentionBits = 32, IReadOnlyCollection<string>? eightBits = null) =>
        new(network, weightBits, skip, attentionBits, eightBits ?? []);

    /// <summary>The same, with what stays in floating point stored in FP16 where that loses nothing.</summary>
    /// <param name="storage">Of the FP32 tensors.</param>
    /// <param name="round">Or, where it loses something, rounded.</param>
    public QuantizedNetwork Store(HalfStorage storage, bool round = false)
    {
        var stored = (QuantizedNetwork)MemberwiseClone();
        stored.Network = round ? storage.Rounded(Network) : storage.Lossless(Network);
        return stored;
    }

    /// <summary>Names of the convolutions that read what enters a network as a picture.</summary>
    public static IEnumerable<string> Entering(Network network) => network.Operations.OfType<ConvolutionOperation>().Where(o => Enters(o.Input, network)).Select(o => o.Name);

    /// <summary>Whether a map is what enters the network as a picture: its state, or a given one.</summary>
    private static bool Enters(string map, Network network) => map == network.Latent || map is LinkedNetwork.Mask or LinkedNetwork.MaskedImage;

    /// <summary>Lets an operation write quantized maps when convolutions of one width are all that reads them.</summary>
    private void Fuse(Network network, Operation writer)
    {
        Operation[] readers = [.. network.Operations.Where(o => writer.Outputs().Intersect(o.Inputs()).Any())];
        int[] widths = [.. readers.Select(o => o is ConvolutionOperation c && !writer.Outputs().Contains(c.Residual) ? _bits[c.Name] : 32).Distinct()];
        if (widths is not [4 or 8]) return;
        foreach (string output in writer.Outputs()) _maps[output] = _maps[output] with { Type = Type(widths[0]) };
    }

    private ConvolutionOperation Convert(ConvolutionOperation convolution)
    {
        int bits = _bits[convolution.Name];
        if (bits == 32) return convolution;
        string input = convolution.Input;
        if (!_maps[input].IsQuantized)
        {
            // Convolutions of one width that read the same map share its quantized form.
            Map? quantized = _added.Find(m => _sources[m.Name] == input && m.Type == Type(bits));
            if (quantized is null)
            {
                quantized = _maps[input] with { Name = $"{convolution.Name}.quantized", Type = Type(bits) };
                _added.Add(quantized);
                _sources.Add(quantized.Name, input);
                _operations.Add(new QuantizeOperation($"{convolution.Name}.quantize", input, quantized.Name));
            }

            input = quantized.Name;
        }

        return convolution with { Input = input, WeightBits = bits };
    }

    /// <summary>What an attention's products multiply: query, key and value, all three side by side, or the latter two in the context.</summary>
    public IEnumerable<ActivationSource> Factors(Operation operation)
    {
        return operation switch
        {
            AttentionOperation a => Parts(a.Input, 3, _maps[a.Output].Channels),
            CrossAttentionOperation a => [new(a.Input), .. Parts(a.Context, 2, _maps[a.Output].Channels)],
            _ => throw new NotSupportedException($"It is not known what the operation '{operation.Name}' ({operation.Kind}) quantizes."),
        };

        static IEnumerable<ActivationSource> Parts(string map, int count, int channels) =>
            Enumerable.Range(0, count).Select(part => new ActivationSource(map, (part * channels)..((part + 1) * channels)));
    }

    private static MapType Type(int bits) => bits == 4 ? MapType.Quantized8 : MapType.Quantized16;
}
