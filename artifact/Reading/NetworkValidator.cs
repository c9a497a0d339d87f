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
        if (_networkNode["inputs"] is { } inputs)
            foreach (JsonNode input in inputs.Items) CheckReference(input);
        for (int i = 0; i < _operationNodes.Count; i++)
            foreach (JsonNode reference in References(i, _network.Operations[i].Reads().Concat(_network.Operations[i].Writes()))) CheckReference(reference);
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
        written.UnionWith(_network.Inputs);
        foreach (JsonNode output in _network.Operations.SelectMany((o, i) => References(i, o.Writes())))
        {
            if (written.Add(output.Text)) continue;
            string why = output.Text == _network.Latent ? "is the sampler's state, which only the solver writes" : _network.Inputs.Contains(output.Text) ? "is an input, which no operation writes" : "is written a second time";
            _log.Add(ManifestErrorId.DataFlow, $"{Names.Quote(output.Text)} {why}. Give this operation a map of its own.", output);
        }

        if (_log.Any) return;
        var ready = new HashSet<string>(StringComparer.Ordinal) { _network.Latent };
        ready.UnionWith(_network.Inputs);
        for (int i = 0; i < _operationNodes.Count; i++)
        {
            // One operation in the wrong place leaves all that follow without their inputs.
            if (_log.Any) return;
            foreach (JsonNode input in References(i, _network.Operations[i].Reads()))
                if (ready.Add(input.Text))
                    _log.Add(ManifestErrorId.DataFlow, $"{Names.Quote(input.Text)} is read before any operation wrote it. Put the operation that writes it first.", input);
            foreach (JsonNode output in References(i, _network.Operations[i].Writes())) ready.Add(output.Text);
        }

        for (int i = 0; i < _network.Maps.Count && !_log.Any; i++)
            if (!written.Contains(_network.Maps[i].Name))
                _log.Add(ManifestErrorId.DataFlow, $"No operation writes the map {Names.Quote(_network.Maps[i].Name)}. Remove it.", _mapNodes[i]["name"]!);
    }

    private IEnumerable<JsonNode> References(int operation, IEnumerable<Port> ports) => ports.Select(p => _operationNodes[operation][p.Property]!);

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
                    $"The {property} is {map.Size}, the model's image {model.Height}×{model.Width}×{model.Channels}. They must be equal.", node);
        }

        if (_network.Inputs.Count > 0)
        {
            _log.Add(ManifestErrorId.Limit,
                $"This network reads {Names.Quote(_network.Inputs[0])} besides its state. Samplers of such networks are not compiled yet.", _networkNode["inputs"]!);
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
            _network.Operations[i].Check(new(_maps, _network.Embedding.Vectors, _operationNodes[i], _log));
        }
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
}
