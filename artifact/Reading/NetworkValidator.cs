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

    private NetworkValidator(Network network, JsonNode node, ErrorLog log)
    {
        _network = network;
        _networkNode = node;
        _mapNodes = _networkNode["maps"]!.Items;
        _operationNodes = _networkNode["operations"]!.Items;
        _log = log;
    }

    /// <param name="network">One network.</param>
    /// <param name="node">The same in the manifest.</param>
    /// <param name="checkEnds">Checks inputs and outputs, once the references are resolved; receives the maps by name.</param>
    /// <param name="log">Receives the mistakes.</param>
    public static void Validate(Network network, JsonNode node, Action<IReadOnlyDictionary<string, Map>> checkEnds, ErrorLog log)
    {
        var validator = new NetworkValidator(network, node, log);
        validator.CheckNames();
        if (!log.Any) validator.CheckReferences();
        if (!log.Any) validator.CheckFlow();
        if (!log.Any) validator.CheckEnds();
        if (!log.Any) checkEnds(validator._maps);
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
        foreach (JsonNode end in Ends()) CheckReference(end);
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
        HashSet<string> written = [.. _network.AllInputs()];
        foreach (JsonNode output in _network.Operations.SelectMany((o, i) => References(i, o.Writes())))
        {
            if (written.Add(output.Text)) continue;
            string why = _network.AllInputs().Contains(output.Text) ? _networkNode["latent"]?.Text == output.Text ? "is the sampler's state, which only the solver writes"
                : "is an input, which no operation writes" : "is written a second time";
            _log.Add(ManifestErrorId.DataFlow, $"{Names.Quote(output.Text)} {why}. Give this operation a map of its own.", output);
        }

        if (_log.Any) return;
        HashSet<string> ready = [.. _network.AllInputs()];
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

    /// <summary>What enters and leaves is FP32, and each name stands once.</summary>
    private void CheckEnds()
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (JsonNode end in Ends())
        {
            if (_maps[end.Text].IsQuantized)
                _log.Add(ManifestErrorId.ElementType, $"{Names.Quote(end.Text)} enters or leaves the network and must be a float32 map; it is quantized.", end);
            else if (!names.Add(end.Text))
                _log.Add(ManifestErrorId.Duplicate, $"{Names.Quote(end.Text)} enters or leaves the network twice. Name it once.", end);
        }
    }

    private IEnumerable<JsonNode> Ends()
    {
        foreach (string property in new[] { "latent", "epsilon" })
            if (_networkNode[property] is { } end) yield return end;
        foreach (string property in new[] { "inputs", "outputs" })
            foreach (JsonNode end in _networkNode[property]?.Items ?? []) yield return end;
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
        }
    }
}
