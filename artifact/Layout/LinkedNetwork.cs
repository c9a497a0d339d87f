namespace Specializer.Manifest;

/// <summary>All networks of a manifest as one, in the order of their binding times: what one blob of weights and one arena serve, what is printed and interpreted.</summary>
/// <remarks>Names of encoders and decoder are qualified with the network's own, but for the maps by which networks are connected: these are one map.</remarks>
internal sealed class LinkedNetwork
{
    /// <summary>An input of this name takes the label of each picture.</summary>
    public const string Label = "label";

    /// <summary>An input of this name, one channel as large as the state, takes the mask of each picture: 1 where it is drawn anew, else 0.</summary>
    public const string Mask = "mask";

    /// <summary>An input of this name, as large as the state, takes the state of each picture without what is drawn anew.</summary>
    public const string MaskedImage = "masked_image";

    private LinkedNetwork(Network network, IReadOnlyList<Network> encoders, Network? image, Network? decoder, Prompt? prompt)
    {
        Network[] parts = [network, .. encoders, .. new[] { image, decoder }.OfType<Network>()];
        Slots = new(parts);
        Tile = decoder is not null && decoder.Latent != network.Latent ? decoder.Latent : null;
        Given = parts.Where(p => p != image).SelectMany(p => p.AllInputs()).Where(i => i != network.Latent && i != Tile)
            .Except(encoders.SelectMany(e => e.AllOutputs())).ToEquatableArray();
        Picture = decoder?.Epsilon ?? network.Latent;
        Variance = network.Outputs.Count > 0 ? network.Outputs[0] : null;
        (ImageInput, ImageOutput) = (image?.Latent, image?.Epsilon);

        var times = new List<(Operation Operation, BindingTime Time)>();
        var changing = new HashSet<string>(StringComparer.Ordinal) { network.Latent };
        foreach (Operation operation in encoders.SelectMany(e => e.Operations).Concat(network.Operations))
        {
            // The correction of the prediction belongs to a step, whatever it is computed from.
            bool changes = operation.ReadsVectors || operation.Inputs().Any(changing.Contains) || operation.Outputs().Contains(network.Epsilon);
            if (changes) changing.UnionWith(operation.Outputs());
            times.Add((operation, changes ? BindingTime.Step : BindingTime.Call));
        }

        if (image is not null) times.AddRange(image.Operations.Select(o => (o, BindingTime.Image)));
        if (decoder is not null) times.AddRange(decoder.Operations.Select(o => (o, BindingTime.End)));
        CallOperations = times.Count(t => t.Time == BindingTime.Call);
        ImageOperations = times.Count(t => t.Time == BindingTime.Image);
        StepOperations = times.Count(t => t.Time == BindingTime.Step);
        bool alone = parts.Length == 1 && prompt is null && times.Take(CallOperations).All(t => t.Time == BindingTime.Call);
        Network = alone ? network : network with
        {
            Maps = parts.SelectMany(p => p.Maps).GroupBy(m => m.Name, StringComparer.Ordinal).Select(g => g.First()).ToEquatableArray(),
            // Stable: within a time the order stays.
            Operations = times.OrderBy(t => t.Time).Select(t => t.Operation).ToEquatableArray(),
            Inputs = Given,
            // Of a network by itself they are read in the end; of others the solver reads the one that matters to it.
            Outputs = decoder is not null ? decoder.AllOutputs().ToEquatableArray() : encoders.Count == 0 ? network.Outputs : default,
            Texts = prompt is not { Vocabulary: > 0 } ? default
                : new([new(Prompt.VocabularyTensor, prompt.Vocabulary), new(Prompt.MergesTensor, prompt.Merges)]),
        };
    }

    /// <summary>The networks of a sound manifest.</summary>
    public static LinkedNetwork Of(CalibrationManifest manifest) => Of(manifest.Network, manifest.Encoders, manifest.Decoder, manifest.Prompt, manifest.ImageEncoder);

    /// <summary>Networks that are connected soundly.</summary>
    /// <param name="network">The one that is sampled.</param>
    /// <param name="encoders">In the order in which they run.</param>
    /// <param name="decoder">Null where the state is the picture.</param>
    /// <param name="prompt">How prompts enter; null where no tokenizer lies with the weights.</param>
    /// <param name="image">From a picture to a state; null for none.</param>
    public static LinkedNetwork Of(Network network, IEnumerable<TimelessNetwork> encoders, TimelessNetwork? decoder, Prompt? prompt = null, TimelessNetwork? image = null) => new(
        network, [.. encoders.Select(e => Qualify(e, e.Network.AllInputs().Concat(e.Network.AllOutputs())))],
        image is null ? null : Qualify(image, []), decoder is null ? null : Qualify(decoder, ReadsAll(decoder.Network, network) ? decoder.Network.AllInputs() : []), prompt);

    /// <summary>A network by itself.</summary>
    public static LinkedNetwork Of(Network network) => new(network, [], null, null, null);

    /// <summary>Maps, each once, those of the sampled network first; operations in the order in which they run.</summary>
    public Network Network { get; }

    /// <summary>So many operations come first and run once a call.</summary>
    public int CallOperations { get; }

    /// <summary>So many follow and run once a call that gives pictures.</summary>
    public int ImageOperations { get; }

    /// <summary>So many follow and run at every step; the rest run at the end.</summary>
    public int StepOperations { get; }

    /// <summary>Slots of the sampled network, whose entries each step has its own of, then those of encoders and decoder, in order.</summary>
    public QuantizationSlots Slots { get; }

    /// <summary>Maps that a call gives: the inputs that no network writes.</summary>
    public EquatableArray<string> Given { get; }

    /// <summary>The map that holds the picture in the end, or the part of it that a tile of the state becomes.</summary>
    public string Picture { get; }

    /// <summary>The map that holds the part of the state that the decoder reads at a time; null where it reads the whole.</summary>
    public string? Tile { get; }

    /// <summary>Whether what tiles become depends on all of a tile, by norms or attention: neighbours then differ where they overlap, and are mixed there.</summary>
    public bool TilesBlend => Tile is not null && Network.Operations.Skip(FirstEnd).Any(ReadsEverywhere);

    /// <summary>Rows and columns of the picture.</summary>
    public (int Height, int Width) PictureSize => (PictureMap.Height, PictureMap.Width);

    /// <summary>The whole picture, if it is a map or not.</summary>
    public Map PictureMap
    {
        get
        {
            Map picture = Find(Picture);
            return Tile is null ? picture : Whole(picture, Find(Tile), Find(Network.Latent));
        }
    }

    /// <summary>The map that holds what the network says of the variance; null where it says nothing.</summary>
    public string? Variance { get; }

    /// <summary>Where a given picture is written; null where it is a state, or none can be given.</summary>
    public string? ImageInput { get; }

    /// <summary>The map that then holds its state.</summary>
    public string? ImageOutput { get; }

    /// <summary>Index of the first operation of a step.</summary>
    public int FirstStep => CallOperations + ImageOperations;

    /// <summary>Index of the first operation of the decoder.</summary>
    public int FirstEnd => FirstStep + StepOperations;

    /// <summary>When the operation at an index runs.</summary>
    public BindingTime Time(int operation) => operation < CallOperations ? BindingTime.Call : operation < FirstStep ? BindingTime.Image
        : operation < FirstEnd ? BindingTime.Step : BindingTime.End;

    /// <summary>Rows of the smallest table in which numbers of this input are looked up; 0 where none are, and any number will do.</summary>
    public int Rows(string input) => Network.Operations.OfType<LookupOperation>().Where(o => o.Input == input).Select(o => o.Rows).DefaultIfEmpty(0).Min();

    /// <summary>Whether each pixel that an operation writes depends on all pixels that it reads.</summary>
    public static bool ReadsEverywhere(Operation operation) => operation is GroupNormOperation or AttentionOperation or CrossAttentionOperation;

    /// <summary>Whether a decoder reads the whole state, and not a tile of it.</summary>
    public static bool ReadsAll(Network decoder, Network network) => Latent(decoder).Size == Latent(network).Size;

    /// <summary>The picture of a whole state.</summary>
    /// <param name="picture">What a tile becomes.</param>
    /// <param name="tile">Of the state.</param>
    /// <param name="state">The whole.</param>
    public static Map Whole(Map picture, Map tile, Map state) => picture with { Height = picture.Height / tile.Height * state.Height, Width = picture.Width / tile.Width * state.Width };

    private static Map Latent(Network network) => network.Maps.First(m => m.Name == network.Latent);

    private Map Find(string name) => Network.Maps.First(m => m.Name == name);

    /// <summary>A network's names as they are among all networks.</summary>
    private static Network Qualify(TimelessNetwork part, IEnumerable<string> connections)
    {
        HashSet<string> connected = [.. connections];
        return part.Network.Rename(Qualified, map => connected.Contains(map) ? map : Qualified(map));

        string Qualified(string name) => $"{part.Name}.{name}";
    }
}
