namespace Specializer.Manifest;

/// <summary>Checks that the operations form a network: names, references, data flow, shapes, element types, limits.</summary>
internal sealed class NetworkValidator
{
    private readonly Network _network;
    private readonly ErrorLog _log;
    private readonly IReadOnlyList<JsonNode> _mapNodes;
    private readonly IReadOnlyList<JsonNode> _operationNodes;
    private readonly JsonNode _networkNode;
    private readonly Dictionary<string, Map> _maps = new(StringComparer.Ordinal);

    private NetworkValidator(CalibrationManifest manifest, JsonNode root, ErrorLog log)
    {
        _network = manifest.Network;
        _networkNode = root["network"]!;
        _mapNodes = _networkNode["maps"]!.Items;
        _operationNodes = _networkNode["operations"]!.Items;
        _log = log;
    }

    public static void Validate(CalibrationManifest manifest, JsonNode root, ErrorLog log)
    {
        var validator = new NetworkValidator(manifest, root, log);
        validator.CheckNames();
        if (!log.Any) validator.CheckReferences();
        if (!log.Any) validator.CheckFlow();
        if (!log.Any) validator.CheckEnds(manifest.Model, root);
        if (!log.Any) validator.CheckShapes();
        if (!log.Any) validator.CheckMemory();
    }

    private void CheckNames()
    {
        for (int i = 0; i < _network.Maps.Count; i++)
        {
            Map map = _network.Maps[i];
            if (_maps.ContainsKey(map.Name))
                _log.Add(ManifestErrorId.Duplicate, $"Two maps are called {Names.Quote(map.Name)}. Rename one.", _mapNodes[i]["name"]!);
            else
                _maps.Add(map.Name, map);
        }

        var names = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < _network.Operations.Count; i++)
            if (!names.Add(_network.Operations[i].Name))
                _log.Add(ManifestErrorId.Duplicate,
                    $"Two operations are called {Names.Quote(_network.Operations[i].Name)}, so their weights could not be told apart. Rename one.", _operationNodes[i]["name"]!);
    }

    private void CheckReferences()
    {
        CheckReference(_networkNode["latent"]!);
        CheckReference(_networkNode["epsilon"]!);
        foreach (JsonNode reference in _operationNodes.SelectMany(o => References(o, "input", "output", "skip", "skipOutput", "residual"))) CheckReference(reference);
    }

    private void CheckReference(JsonNode reference)
    {
        if (_log.IsFull || _maps.ContainsKey(reference.Text)) return;
        string? meant = Names.Nearest(reference.Text, _maps.Keys.OrderBy(n => n, StringComparer.Ordinal));
        _log.Add(ManifestErrorId.UnknownMap,
            $"There is no map {Names.Quote(reference.Text)}; {(meant is null ? "declare it under 'maps'." : $"did you mean '{meant}'?")}", reference);
    }

    /// <summary>Each map is written once, before it is read. A wrong output makes other maps lack a writer, so outputs come first.</summary>
    private void CheckFlow()
    {
        var written = new HashSet<string>(StringComparer.Ordinal) { _network.Latent };
        foreach (JsonNode output in _operationNodes.SelectMany(o => References(o, "output", "skipOutput")))
        {
            if (written.Add(output.Text)) continue;
            string why = output.Text == _network.Latent ? "is the sampler's state, which only the solver writes" : "is written a second time";
            _log.Add(ManifestErrorId.DataFlow, $"{Names.Quote(output.Text)} {why}. Give this operation a map of its own.", output);
        }

        if (_log.Any) return;
        var ready = new HashSet<string>(StringComparer.Ordinal) { _network.Latent };
        foreach (JsonNode operation in _operationNodes)
        {
            // One operation in the wrong place leaves all that follow without their inputs.
            if (_log.Any) return;
            foreach (JsonNode input in References(operation, "input", "skip", "residual"))
                if (ready.Add(input.Text))
                    _log.Add(ManifestErrorId.DataFlow, $"{Names.Quote(input.Text)} is read before any operation wrote it. Put the operation that writes it first.", input);
            foreach (JsonNode output in References(operation, "output", "skipOutput")) ready.Add(output.Text);
        }

        for (int i = 0; i < _network.Maps.Count && !_log.Any; i++)
            if (!written.Contains(_network.Maps[i].Name))
                _log.Add(ManifestErrorId.DataFlow, $"No operation writes the map {Names.Quote(_network.Maps[i].Name)}. Remove it.", _mapNodes[i]["name"]!);
    }

    private static IEnumerable<JsonNode> References(JsonNode operation, params string[] properties) =>
        properties.Select(p => operation[p]).OfType<JsonNode>().Where(n => n.Kind == JsonKind.String);

    /// <summary>The state and the output: the solver treats them element by element, and the mean correction folds into the convolution that writes the output.</summary>
    private void CheckEnds(ModelIdentity model, JsonNode root)
    {
        foreach (string property in new[] { "latent", "epsilon" })
        {
            JsonNode node = _networkNode[property]!;
            Map map = _maps[node.Text];
            if (map.IsQuantized)
                _log.Add(ManifestErrorId.ElementType, $"The {property} must be a float32 map; {Names.Quote(map.Name)} is quantized.", node);
            if (map.Height != model.Height || map.Width != model.Width || map.Channels != model.Channels)
                _log.Add(ManifestErrorId.Shape,
                    $"The {property} is {Size(map)}, the model's image {model.Height}×{model.Width}×{model.Channels}. They must be equal.", node);
        }

        JsonNode epsilon = _networkNode["epsilon"]!;
        Operation? writer = _network.Operations.FirstOrDefault(o => o.Outputs().Contains(_network.Epsilon));
        if (writer is not ConvolutionOperation || _network.Operations.Any(o => o.Inputs().Contains(_network.Epsilon)))
            _log.Add(ManifestErrorId.DataFlow, "The epsilon must be written by a convolution, into which its correction folds, and read by no operation.", epsilon);

        Embedding embedding = _network.Embedding;
        JsonNode embeddingNode = _networkNode["embedding"]!;
        if (embedding.Classes != model.Classes)
            _log.Add(ManifestErrorId.Contradiction, $"The embedding has {embedding.Classes} classes, the model {model.Classes}. They must be equal.", embeddingNode["classes"]!);
        else if ((embedding.Width == 0) != (embedding.Classes == 0))
            _log.Add(ManifestErrorId.Contradiction,
                "Without classes the time embedding is folded into the vectors and its width is 0; with classes it must be kept and its width is not 0.", embeddingNode["width"]!);
        else if (embedding.Classes > 0 && embedding.Vectors == 0)
            _log.Add(ManifestErrorId.Contradiction, "A model with classes needs vectors: without them no label could act.", embeddingNode["vectors"]!);
        if (model.NullLabel >= 0 && model.NullLabel >= model.Classes)
            _log.Add(ManifestErrorId.Contradiction, $"The null label {model.NullLabel} is none of the {model.Classes} classes. Use -1 for none.", root["model"]!["nullLabel"]!);
    }

    /// <summary>Stops at the first operation that does not fit: what follows reads what it writes.</summary>
    private void CheckShapes()
    {
        for (int i = 0; i < _network.Operations.Count && !_log.Any; i++)
        {
            JsonNode node = _operationNodes[i];
            switch (_network.Operations[i])
            {
                case QuantizeOperation o:
                    if (ExpectFloat(node["input"]!) && ExpectQuantized(node["output"]!)) ExpectEqual(_maps[o.Input], node["output"]!);
                    break;
                case GroupNormOperation o:
                    CheckGroupNorm(o, node);
                    break;
                case ConvolutionOperation o:
                    CheckConvolution(o, node);
                    break;
                case AttentionOperation o:
                    CheckAttention(o, node);
                    break;
            }
        }
    }

    private void CheckGroupNorm(GroupNormOperation o, JsonNode node)
    {
        Map input = _maps[o.Input];
        Map output = _maps[o.Output];
        if (!ExpectFloat(node["input"]!) || !ExpectEqual(input, node["output"]!)) return;
        if ((o.Skip is null) != (o.SkipOutput is null))
        {
            _log.Add(ManifestErrorId.Contradiction, "'skip' and 'skipOutput' belong together: give both or neither.", node);
            return;
        }

        if (o.Skip is not null)
        {
            Map skip = _maps[o.Skip];
            if (!ExpectFloat(node["skip"]!) || !ExpectEqual(skip, node["skipOutput"]!)) return;
            if (skip.Height != input.Height || skip.Width != input.Width)
                _log.Add(ManifestErrorId.Shape, $"The skip is {Size(skip)}, the input {Size(input)}; rows and columns must be equal.", node["skip"]!);
            if (_maps[o.SkipOutput!].Type != output.Type)
                _log.Add(ManifestErrorId.ElementType, "Both outputs of a group norm must have the same type.", node["skipOutput"]!);
        }

        int channels = WeightLayout.GroupNormChannels(o, _maps);
        if (channels % o.Groups != 0)
            _log.Add(ManifestErrorId.Shape, $"{o.Groups} groups do not divide {channels} channels.", node["groups"]!);
    }

    private void CheckConvolution(ConvolutionOperation o, JsonNode node)
    {
        Map input = _maps[o.Input];
        Map output = _maps[o.Output];
        MapType expected = o.WeightBits switch { 4 => MapType.Quantized8, 8 => MapType.Quantized16, _ => MapType.Float32 };
        if (input.Type != expected)
        {
            _log.Add(ManifestErrorId.ElementType,
                $"A convolution with {o.WeightBits}-bit weights reads a {TypeName(expected)} map; {Names.Quote(o.Input)} is {TypeName(input.Type)}.", node["input"]!);
            return;
        }

        if (!ExpectFloat(node["output"]!)) return;
        if (o.KernelSize % 2 == 0)
        {
            _log.Add(ManifestErrorId.Range, $"The kernel size {o.KernelSize} is even; only odd ones are possible.", node["kernelSize"]!);
            return;
        }

        if (!CheckExtent("rows", input.Height, output.Height, o.PaddingTop, "paddingTop", o, node)
            || !CheckExtent("columns", input.Width, output.Width, o.PaddingLeft, "paddingLeft", o, node)) return;
        if (o.Residual is not null && ExpectFloat(node["residual"]!)) ExpectEqual(output, node["residual"]!);
        if (o.Vector >= 0 && o.Vector + output.Channels > _network.Embedding.Vectors)
            _log.Add(ManifestErrorId.Range,
                $"The vector's elements {o.Vector} to {o.Vector + output.Channels - 1} are not all within the embedding's {_network.Embedding.Vectors}.", node["vector"]!);
        if (o.WeightBits != 32 && (long)o.KernelSize * o.KernelSize * input.Channels * 255 * 127 > int.MaxValue)
            _log.Add(ManifestErrorId.Limit, $"{o.KernelSize}×{o.KernelSize}×{input.Channels} products of 8-bit numbers can overflow the 32-bit sums of the kernels. Use weightBits 32.", node);
    }

    /// <summary>Output = ⌊(input·upsample + padding before + padding after − K) / stride⌋ + 1, with 0 ≤ padding after ≤ K. Only the padding before stands
    /// in the manifest; the one after is whatever makes up the output.</summary>
    private bool CheckExtent(string what, int input, int output, int before, string property, ConvolutionOperation o, JsonNode node)
    {
        int padded = input * o.Upsample + before - o.KernelSize;
        int after = Math.Max(0, (output - 1) * o.Stride - padded);
        if (before < o.KernelSize && after <= o.KernelSize && padded + after >= 0 && (padded + after) / o.Stride + 1 == output) return true;
        _log.Add(ManifestErrorId.Shape,
            $"{input} {what}, upsampled {o.Upsample}×, padded by {before} before, kernel size {o.KernelSize} and stride {o.Stride} do not give {output} {what} with any padding after of at most {o.KernelSize}.",
            node[property]!);
        return false;
    }

    private void CheckAttention(AttentionOperation o, JsonNode node)
    {
        Map input = _maps[o.Input];
        Map output = _maps[o.Output];
        if (!ExpectFloat(node["input"]!) || !ExpectFloat(node["output"]!)) return;
        if (input.Height != output.Height || input.Width != output.Width || input.Channels != 3 * output.Channels)
            _log.Add(ManifestErrorId.Shape, $"Attention reads q, k and v side by side: three times the channels of its output. The input is {Size(input)}, the output {Size(output)}.", node["input"]!);
        else if (output.Channels % o.Heads != 0)
            _log.Add(ManifestErrorId.Shape, $"{o.Heads} heads do not divide {output.Channels} channels.", node["heads"]!);
        else if (o.ProductBits == 8 && Math.Max((long)output.Height * output.Width, output.Channels / o.Heads) * 255 * 255 > int.MaxValue)
            _log.Add(ManifestErrorId.Limit,
                $"{(long)output.Height * output.Width} pixels and {output.Channels / o.Heads} channels a head can overflow the 32-bit sums of 8-bit products. Use productBits 32.", node["productBits"]!);
    }

    private void CheckMemory()
    {
        if (_network.Maps.Any(m => m.BytesPerImage > int.MaxValue))
        {
            int i = _network.Maps.TakeWhile(m => m.BytesPerImage <= int.MaxValue).Count();
            _log.Add(ManifestErrorId.Limit, "This map needs more than 2 GiB for one image. Use a smaller image.", _mapNodes[i]);
            return;
        }

        try
        {
            _ = new BufferPlan(_network);
        }
        catch (NotSupportedException e)
        {
            _log.Add(ManifestErrorId.Limit, e.Message + " Use a smaller image.", _networkNode);
        }
    }

    private bool ExpectFloat(JsonNode reference)
    {
        if (!_maps[reference.Text].IsQuantized) return true;
        _log.Add(ManifestErrorId.ElementType, $"A float32 map is expected here; {Names.Quote(reference.Text)} is quantized.", reference);
        return false;
    }

    private bool ExpectQuantized(JsonNode reference)
    {
        if (_maps[reference.Text].IsQuantized) return true;
        _log.Add(ManifestErrorId.ElementType, $"A quantized map is expected here; {Names.Quote(reference.Text)} is float32.", reference);
        return false;
    }

    private bool ExpectEqual(Map expected, JsonNode reference)
    {
        Map map = _maps[reference.Text];
        if (map.Height == expected.Height && map.Width == expected.Width && map.Channels == expected.Channels) return true;
        _log.Add(ManifestErrorId.Shape, $"{Names.Quote(map.Name)} is {Size(map)}; it must have the shape of {Names.Quote(expected.Name)}, {Size(expected)}.", reference);
        return false;
    }

    private static string Size(Map map) => $"{map.Height}×{map.Width}×{map.Channels}";

    private static string TypeName(MapType type) => type switch { MapType.Quantized8 => "quantized8", MapType.Quantized16 => "quantized16", _ => "float32" };
}
