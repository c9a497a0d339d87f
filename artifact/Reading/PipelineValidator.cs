namespace Specializer.Manifest;

/// <summary>Checks each network by itself, then how they are connected: who gives which input, and what runs when.</summary>
internal sealed class PipelineValidator
{
    private readonly CalibrationManifest _manifest;
    private readonly JsonNode _root;
    private readonly ErrorLog _log;
    private readonly (TimelessNetwork Part, JsonNode Node)[] _timeless;

    private PipelineValidator(CalibrationManifest manifest, JsonNode root, ErrorLog log)
    {
        _manifest = manifest;
        _root = root;
        _log = log;
        _timeless = [.. manifest.Encoders.Select((e, i) => (e, root["encoders"]!.Items[i])), .. manifest.ImageEncoder is { } image ? [(image, root["imageEncoder"]!)] : Array.Empty<(TimelessNetwork, JsonNode)>(),
            .. manifest.Decoder is { } decoder ? [(decoder, root["decoder"]!)] : Array.Empty<(TimelessNetwork, JsonNode)>()];
    }

    public static void Validate(CalibrationManifest manifest, JsonNode root, ErrorLog log)
    {
        var validator = new PipelineValidator(manifest, root, log);
        NetworkValidator.Validate(manifest.Network, root["network"]!, validator.CheckSampled, log);
        foreach (var (part, node) in validator._timeless)
        {
            if (!log.Any) NetworkValidator.Validate(part.Network, node, _ => { }, log);
            if (!log.Any) validator.CheckColumn(part, node);
        }

        if (!log.Any) validator.CheckEncoders();
        if (!log.Any) validator.CheckMask();
        if (!log.Any) validator.CheckImageEncoder();
        if (!log.Any) validator.CheckDecoder();
        if (!log.Any) validator.CheckNames();
        if (!log.Any) validator.CheckTogether(LinkedNetwork.Of(manifest));
    }

    /// <summary>The state and the output: the solver treats them element by element, and the mean correction folds into the convolution that writes the output.</summary>
    private void CheckSampled(IReadOnlyDictionary<string, Map> maps)
    {
        ModelIdentity model = _manifest.Model;
        Network network = _manifest.Network;
        JsonNode networkNode = _root["network"]!;
        foreach (string property in network.Outputs.Count == 0 ? new[] { "latent", "epsilon" } : ["latent", "epsilon", "variance"])
        {
            JsonNode node = networkNode[property]!;
            Map map = maps[node.Text];
            if (map.Height != model.Height || map.Width != model.Width || map.Channels != model.Channels)
                _log.Add(ManifestErrorId.Shape,
                    $"The {property} is {map.Size}, the model's {(_manifest.Decoder is null ? "image" : "state")} {model.Height}×{model.Width}×{model.Channels}. They must be equal.", node);
        }

        Operation? writer = network.Operations.FirstOrDefault(o => o.Outputs().Contains(network.Epsilon));
        if (writer is not ConvolutionOperation || network.Operations.Any(o => o.Inputs().Contains(network.Epsilon)))
            _log.Add(ManifestErrorId.DataFlow, "The epsilon must be written by a convolution, into which its correction folds, and read by no operation.", networkNode["epsilon"]!);

        Embedding embedding = network.Embedding;
        JsonNode embeddingNode = networkNode["embedding"]!;
        // Labels act through the embedding, or through an input.
        bool labelled = _timeless.SelectMany(t => t.Part.Network.AllInputs()).Concat(network.Inputs).Contains(LinkedNetwork.Label);
        if (embedding.Classes != model.Classes && !(labelled && embedding.Classes == 0))
            _log.Add(ManifestErrorId.Contradiction, $"The embedding has {embedding.Classes} classes, the model {model.Classes}. They must be equal.", embeddingNode["classes"]!);
        else if ((embedding.Width == 0) != (embedding.Classes == 0))
            _log.Add(ManifestErrorId.Contradiction,
                "Without classes the time embedding is folded into the vectors and its width is 0; with classes it must be kept and its width is not 0.", embeddingNode["width"]!);
        else if (embedding.Classes > 0 && embedding.Vectors == 0)
            _log.Add(ManifestErrorId.Contradiction, "A model with classes needs vectors: without them no label could act.", embeddingNode["vectors"]!);
        int steps = _manifest.Steps.Count, rows = embedding.RowsFor(steps);
        if (embedding.FirstRow + steps > rows)
            _log.Add(ManifestErrorId.Contradiction, $"The embedding's table has {rows} rows and the {steps} steps begin at row {embedding.FirstRow}. Each step needs one.", embeddingNode["rows"] ?? embeddingNode["firstRow"]!);
        if (model.NullLabel >= 0 && model.NullLabel >= model.Classes)
            _log.Add(ManifestErrorId.Contradiction, $"The null label {model.NullLabel} is none of the {model.Classes} classes. Use -1 for none.", _root["model"]!["nullLabel"]!);
    }

    private void CheckColumn(TimelessNetwork part, JsonNode node)
    {
        int slots = new QuantizationSlots(part.Network).Count;
        Check(part.Scales.Count, "scales");
        Check(part.ZeroPoints.Count, "zeroPoints");
        Check(part.Levels.Count, "levels");
        for (int i = 0; i < slots && !_log.Any; i++)
            if (part.ZeroPoints[i] > part.Levels[i])
                _log.Add(ManifestErrorId.Range, $"The zero point {part.ZeroPoints[i]} lies above the {part.Levels[i]} levels of this entry.", node["zeroPoints"]!.Items[i]);

        void Check(int actual, string property)
        {
            if (actual != slots)
                _log.Add(ManifestErrorId.Length, $"'{property}' has {actual} elements; it must have {slots}: one number per quantized map, and three per attention with 8-bit products.", node[property]!);
        }
    }

    /// <summary>Each output has one reader that runs later, and maps of one name have one shape.</summary>
    private void CheckEncoders()
    {
        var written = new Dictionary<string, Map>(StringComparer.Ordinal);
        var given = new Dictionary<string, Map>(StringComparer.Ordinal);
        for (int i = 0; i < _manifest.Encoders.Count; i++)
        {
            var (part, node) = _timeless[i];
            foreach (string input in part.Network.AllInputs()) Connect(part.Network, input, node["inputs"]!);
            foreach (string output in part.Network.AllOutputs())
            {
                bool read = _manifest.Network.Inputs.Contains(output) || _manifest.Encoders.Skip(i + 1).Any(e => e.Network.AllInputs().Contains(output));
                if (!read)
                    _log.Add(ManifestErrorId.DataFlow, $"Nothing that follows reads {Names.Quote(output)}. Call it as an input of the network, or of a later encoder, or leave it out.", node["outputs"]!);
                else if (given.ContainsKey(output))
                    _log.Add(ManifestErrorId.DataFlow, $"{Names.Quote(output)} is read by an encoder before this one writes it. Put this encoder first.", node["outputs"]!);
                else if (written.ContainsKey(output))
                    _log.Add(ManifestErrorId.Duplicate, $"Two encoders write {Names.Quote(output)}. Rename one output, and the input that it belongs to.", node["outputs"]!);
                else
                    written.Add(output, Find(part.Network, output));
            }
        }

        foreach (string input in _manifest.Network.Inputs) Connect(_manifest.Network, input, _root["network"]!["inputs"]!);

        void Connect(Network network, string input, JsonNode node)
        {
            Map map = Find(network, input);
            if (input == LinkedNetwork.Label && map.Pixels * map.Channels != 1)
                _log.Add(ManifestErrorId.Shape, $"{Names.Quote(input)} takes one label; it is {map.Size} and must be 1×1×1.", node);
            else if (!ReferenceEquals(network, _manifest.Network) && input == _manifest.Network.Latent)
                _log.Add(ManifestErrorId.DataFlow, $"{Names.Quote(input)} is the sampler's state, which no encoder can read: encoders run before the steps. Rename this input.", node);
            else if (!written.TryGetValue(input, out Map? other) && !given.TryGetValue(input, out other))
                given.Add(input, map);
            else if (map.Height != other.Height || map.Width != other.Width || map.Channels != other.Channels)
                _log.Add(ManifestErrorId.Shape, $"{Names.Quote(input)} is {map.Size} here and {other.Size} elsewhere. Inputs and outputs of one name are one map.", node);
        }
    }

    /// <summary>What a network reads of a given picture beside its state.</summary>
    private void CheckMask()
    {
        Map state = Find(_manifest.Network, _manifest.Network.Latent);
        foreach (string name in new[] { LinkedNetwork.Mask, LinkedNetwork.MaskedImage })
        {
            if (!_manifest.Network.Inputs.Contains(name)) continue;
            JsonNode node = _root["network"]!["inputs"]!;
            Map input = Find(_manifest.Network, name), expected = name == LinkedNetwork.Mask ? state with { Channels = 1 } : state;
            if (input.Size != expected.Size)
                _log.Add(ManifestErrorId.Shape, $"{Names.Quote(name)} takes what a call gives of a picture; it is {input.Size} and must be {expected.Size}, for a state of {state.Size}.", node);
            else if (!_manifest.Program.TakesPictures || (_manifest.Decoder is not null && _manifest.ImageEncoder is null))
                _log.Add(ManifestErrorId.Contradiction, $"{Names.Quote(name)} takes what a call gives of a picture, and no call can give one. State a start for the steps, and where there is a decoder the encoder of pictures.", node);
        }
    }

    private void CheckImageEncoder()
    {
        if (_manifest.ImageEncoder is not { } encoder) return;
        JsonNode node = _root["imageEncoder"]!;
        Map state = Find(_manifest.Network, _manifest.Network.Latent), input = Find(encoder.Network, encoder.Network.Latent), output = Find(encoder.Network, encoder.Network.Epsilon);
        Map? picture = _manifest.Decoder is { } decoder ? Find(decoder.Network, decoder.Network.Epsilon) : null;
        if (_manifest.DecoderOverlap > 0 && picture is not null) picture = LinkedNetwork.Whole(picture, Find(_manifest.Decoder!.Network, _manifest.Decoder.Network.Latent), state);
        if (encoder.Network.Inputs.Count > 0 || encoder.Network.Outputs.Count > 0)
            _log.Add(ManifestErrorId.DataFlow, "The encoder of pictures has one input and one output. Remove the others.", node["inputs"]!);
        else if (output.Size != state.Size)
            _log.Add(ManifestErrorId.Shape, $"The encoder of pictures gives {output.Size}, the state is {state.Size}. They must be equal.", node["outputs"]!);
        else if (picture is null || input.Size != picture.Size)
            _log.Add(ManifestErrorId.Shape, $"The encoder of pictures reads {input.Size}; what is drawn is {(picture ?? state).Size}{(picture is null ? ", the state itself, which needs no encoder" : "")}. They must be equal.", node["inputs"]!);
        else if (!_manifest.Program.TakesPictures)
            _log.Add(ManifestErrorId.Contradiction, "No step can begin with a picture, so that nothing reads what this encoder gives. Leave it out, or state a start for the steps.", node);
    }

    private void CheckDecoder()
    {
        if (_manifest.Decoder is not { } decoder)
        {
            if (_manifest.DecoderOverlap > 0) _log.Add(ManifestErrorId.Contradiction, "There is no decoder whose tiles could overlap. Remove this.", _root["decoderOverlap"]!);
            return;
        }

        JsonNode node = _root["decoder"]!;
        Map state = Find(_manifest.Network, _manifest.Network.Latent), input = Find(decoder.Network, decoder.Network.Latent), picture = Find(decoder.Network, decoder.Network.Epsilon);
        if (decoder.Network.Inputs.Count > 0 || input.Name != state.Name)
            _log.Add(ManifestErrorId.DataFlow, $"The decoder reads the state and nothing else: its input is called {Names.Quote(state.Name)}.", node["inputs"]!);
        else if (_manifest.DecoderOverlap > 0)
            CheckTiles(input, state, picture);
        else if (input.Size != state.Size)
            _log.Add(ManifestErrorId.Shape, $"The decoder reads {input.Size}, the state is {state.Size}. They must be equal.", node["inputs"]!);
        else if (decoder.Network.Outputs.Count > 0)
            _log.Add(ManifestErrorId.DataFlow, "The decoder has one output, the picture. Remove the others.", node["outputs"]!);
        else if (picture.Channels > ManifestLimits.ImageChannels)
            _log.Add(ManifestErrorId.Limit, $"The picture has {picture.Channels} channels; {ManifestLimits.ImageChannels} are possible.", node["outputs"]!);
    }

    /// <summary>The decoder reads a part of the state at a time, smaller than it in one direction at least, and all parts together cover it.</summary>
    private void CheckTiles(Map tile, Map state, Map picture)
    {
        JsonNode inputs = _root["decoder"]!["inputs"]!, overlap = _root["decoderOverlap"]!;
        if (tile.Channels != state.Channels || tile.Height > state.Height || tile.Width > state.Width || tile.Size == state.Size)
            _log.Add(ManifestErrorId.Shape, $"The decoder reads a tile of {tile.Size}, the state is {state.Size}. A tile has as many channels and is smaller. Remove 'decoderOverlap' where the whole is read.", inputs);
        else if (picture.Height % tile.Height != 0 || picture.Width % tile.Width != 0)
            _log.Add(ManifestErrorId.Shape, $"A tile of {tile.Size} becomes {picture.Size}, which is no multiple of it.", inputs);
        else if ((tile.Height < state.Height && _manifest.DecoderOverlap >= tile.Height) || (tile.Width < state.Width && _manifest.DecoderOverlap >= tile.Width))
            _log.Add(ManifestErrorId.Range, $"Tiles of {tile.Size} cannot share {_manifest.DecoderOverlap} rows or columns: none would be their own.", overlap);
        else if ((long)(picture.Height / tile.Height) * state.Height * (picture.Width / tile.Width) * state.Width * picture.Channels > int.MaxValue / sizeof(float))
            _log.Add(ManifestErrorId.Limit, $"Tiles of {tile.Size} that become {picture.Size} make a picture of more than 2 GiB of a state of {state.Size}. Use a smaller image.", inputs);
    }

    /// <summary>Qualified names meet no other.</summary>
    private void CheckNames()
    {
        string[] Maps(Network network) => [.. network.Maps.Select(m => m.Name)];
        var inner = new HashSet<string>(Maps(_manifest.Network).Except(_manifest.Network.AllInputs()), StringComparer.Ordinal);
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (part, node) in _timeless)
        {
            if (!names.Add(part.Name))
                _log.Add(ManifestErrorId.Duplicate, $"Two networks are called {Names.Quote(part.Name)}, so their weights could not be told apart. Rename one.", node["name"]!);
            string prefix = part.Name + ".";
            string? taken = _manifest.Network.Operations.Select(o => o.Name).Concat(Maps(_manifest.Network)).FirstOrDefault(n => n.StartsWith(prefix, StringComparison.Ordinal));
            if (taken is not null)
                _log.Add(ManifestErrorId.Duplicate, $"Names of this network begin with {Names.Quote(prefix)} among all, and so does {Names.Quote(taken)} of the network that is sampled. Rename this network.", node["name"]!);
            string? clash = part.Network.AllInputs().FirstOrDefault(inner.Contains);
            if (clash is not null)
                _log.Add(ManifestErrorId.Duplicate, $"The network that is sampled has a map {Names.Quote(clash)} of its own. Rename this input.", node["inputs"]!);
        }
    }

    private void CheckTogether(LinkedNetwork linked)
    {
        for (int i = 0; i < linked.CallOperations; i++)
        {
            Operation operation = linked.Network.Operations[i];
            foreach (int slot in operation.Outputs().Select(linked.Slots.Find).Concat(Enumerable.Range(linked.Slots.First(operation), operation.Slots)))
                CheckOnce(slot, operation);
        }

        if (_manifest.Prompt is { } prompt) CheckPrompt(prompt, linked);
        if (linked.Network.Maps.Count > ManifestLimits.Maps)
        {
            _log.Add(ManifestErrorId.Limit, $"All networks together have {linked.Network.Maps.Count} maps; at most {ManifestLimits.Maps} are possible.", _root["network"]!);
            return;
        }

        try
        {
            _ = new BufferPlan(linked, new(_manifest.Program));
        }
        catch (NotSupportedException e)
        {
            _log.Add(ManifestErrorId.Limit, e.Message + " Use a smaller image.", _root["network"]!);
        }
    }

    /// <summary>What a call computes once is quantized once.</summary>
    private void CheckOnce(int slot, Operation operation)
    {
        Step first = _manifest.Steps[0];
        // Slots beyond those of the sampled network have one column; steps of wrong lengths are reported later.
        if (slot < 0 || _manifest.Steps.Any(s => slot >= s.Scales.Count || slot >= s.ZeroPoints.Count || slot >= s.Levels.Count)) return;
        for (int i = 1; i < _manifest.Steps.Count; i++)
        {
            Step step = _manifest.Steps[i];
            string? property = !step.Scales[slot].Equals(first.Scales[slot]) ? "scales" : step.ZeroPoints[slot] != first.ZeroPoints[slot] ? "zeroPoints" : step.Levels[slot] != first.Levels[slot] ? "levels" : null;
            if (property is null) continue;
            _log.Add(ManifestErrorId.Contradiction,
                $"{Names.Quote(operation.Name)} runs once a call, before the first step, so that its entries are those of the first step; another stands here. Give all steps the same.", _root["steps"]!.Items[i][property]!.Items[slot]);
            return;
        }
    }

    private void CheckPrompt(Prompt prompt, LinkedNetwork linked)
    {
        JsonNode node = _root["prompt"]!;
        if (!linked.Given.Contains(prompt.Input))
        {
            _log.Add(ManifestErrorId.UnknownMap, $"There is no input {Names.Quote(prompt.Input)} that a call gives; {(linked.Given.Count == 0 ? "remove the prompt." : $"there are {string.Join(", ", linked.Given)}.")}", node["input"]!);
            return;
        }

        if (prompt.Second is not null || prompt.None is not null) CheckFurther(prompt, linked, node);
        if (_log.Any) return;
        if (prompt.ClipSkip > 0 && _manifest.Encoders.Count == 0)
            _log.Add(ManifestErrorId.Contradiction, "There is no text encoder whose last layers could be left out. Remove this.", node["clipSkip"]!);
        if (prompt.Vocabulary == 0 != (prompt.Merges == 0))
            _log.Add(ManifestErrorId.Contradiction, "A vocabulary and its merges belong together: state both or neither.", node);
        if (linked.Network.Operations.FirstOrDefault(o => o.Name is Prompt.VocabularyTensor or Prompt.MergesTensor) is { } taken)
            _log.Add(ManifestErrorId.Duplicate, $"The operation {Names.Quote(taken.Name)} is called as a file of the tokenizer is among the weights. Rename it.", node);
        Map ids = Find(linked.Network, prompt.Input);
        if (prompt.Empty.Count != ids.Pixels * ids.Channels)
            _log.Add(ManifestErrorId.Length, $"'empty' has {prompt.Empty.Count} elements; {Names.Quote(ids.Name)} holds {ids.Pixels * ids.Channels}.", node["empty"]!);
        int rows = linked.Rows(prompt.Input);
        for (int i = 0; i < prompt.Empty.Count; i++)
            if (rows > 0 && prompt.Empty[i] >= rows)
                _log.Add(ManifestErrorId.Range, $"The token {prompt.Empty[i]} is none of the {rows} that are looked up.", node["empty"]!.Items[i]);
    }

    /// <summary>Inputs that follow from a prompt's tokens.</summary>
    private void CheckFurther(Prompt prompt, LinkedNetwork linked, JsonNode node)
    {
        foreach (string property in new[] { "second", "none" })
        {
            if (node[property] is not { } input) continue;
            Map ids = Find(linked.Network, prompt.Input);
            if (!linked.Given.Contains(input.Text) || input.Text == LinkedNetwork.Label || input.Text == prompt.Input || (property == "none" && input.Text == prompt.Second))
                _log.Add(ManifestErrorId.UnknownMap, $"{Names.Quote(input.Text)} is no input of its own that a call gives; there are {string.Join(", ", linked.Given)}.", input);
            else if (Find(linked.Network, input.Text) is var map && (property == "second" ? map.Size != ids.Size : map.Pixels * map.Channels != 1))
                _log.Add(ManifestErrorId.Shape, $"{Names.Quote(input.Text)} is {map.Size} and must be {(property == "second" ? $"{ids.Size}, as {Names.Quote(ids.Name)} is" : "1×1×1")}.", input);
        }

        if (_log.Any || prompt.Second is null) return;
        int rows = linked.Rows(prompt.Second);
        if (rows > 0 && prompt.Filling >= rows)
            _log.Add(ManifestErrorId.Range, $"The token {prompt.Filling} is none of the {rows} that are looked up.", node["filling"]!);
    }

    private static Map Find(Network network, string map) => network.Maps.First(m => m.Name == map);
}
