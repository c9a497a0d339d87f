using System.Globalization;
using Specializer.Generator.Model;
using Specializer.Manifest;

namespace Specializer.Generator.Parsing;

/// <summary>Decides names, offsets and shapes: a manifest becomes what is printed.</summary>
internal sealed partial class SamplerModelBuilder : IOperationVisitor<Call>
{
    // Members of object and of the runtime's Sampler; hiding one of them would be a warning in somebody else's build.
    private static readonly string[] s_inherited =
    [
        "Equals", "ReferenceEquals", "GetHashCode", "GetType", "ToString", "MemberwiseClone", "Finalize",
        "Description", "Device", "Sample", "SampleAsync", "CreateSession", "Dispose", "Tokenizer", "ReadText",
    ];

    private static readonly string[] s_printed =
    [
        "Steps", "Height", "Width", "Channels", "Classes", "Load", "Prepare", "RunBegin", "RunStep", "RunEnd", "Encode", "Decode", "Describe", "WeightKey", "Weights", "Maps", "Evaluate", "EvaluateA",
        "X", "M", "V", "D", "Z", "H", "S", "Input",
    ];

    private readonly LinkedNetwork _linked;
    private readonly Network _network;
    private readonly WeightLayout _layout;
    private readonly BufferPlan _plan;
    private readonly SolverPlan _solver;
    private readonly Dictionary<string, Map> _maps;
    private readonly QuantizationSlots _slots;
    private readonly Dictionary<string, string> _mapNames = new(StringComparer.Ordinal);
    private readonly List<SolverMap> _solverMaps = [];
    private readonly List<Constant> _weights = [];
    private readonly NameScope _weightNames = new([.. s_inherited, "Weights"]);
    private readonly NameScope _members;
    private readonly ShapeTable _shapes;
    private readonly CalibrationManifest _manifest;

    private SamplerModelBuilder(CalibrationManifest manifest, string className)
    {
        _manifest = manifest;
        _linked = LinkedNetwork.Of(manifest);
        _network = _linked.Network;
        _layout = new WeightLayout(_network, manifest.Steps.Count);
        _solver = new SolverPlan(manifest.Program);
        _plan = new BufferPlan(_linked, _solver);
        _slots = _linked.Slots;
        _maps = _network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        _members = new NameScope([.. s_inherited, .. s_printed, className]);
        _shapes = new ShapeTable(_members);
    }

    /// <summary>Whether a class of this name would hold a member of the same name, which C# forbids.</summary>
    public static bool IsReserved(string className) =>
        s_inherited.Contains(className) || s_printed.Contains(className.TrimEnd('0', '1', '2', '3', '4', '5', '6', '7', '8', '9'));

    public static SamplerModel Build(CalibrationManifest manifest, TypeName type, ProjectFacts project) =>
        new SamplerModelBuilder(manifest, type.Name).Build(type, project);

    private SamplerModel Build(TypeName type, ProjectFacts project)
    {
        bool hasVectors = _network.Embedding.Vectors > 0;
        EquatableArray<string> stepMethods = StepMethods();
        EquatableArray<Constant> maps = MapConstants(hasVectors);
        string state = _shapes.Map(_maps[_network.Latent]);
        string? vectors = null;
        if (hasVectors)
        {
            vectors = _shapes.Embedding(_network.Embedding, _manifest.Steps.Count);
            _weights.Add(new("EmbeddingWeights", _weightNames.Claim("Embedding"), _layout.Embedding, "time, labels and projections"));
        }

        EquatableArray<Section> call = Sections(BindingTime.Call), image = Sections(BindingTime.Image), step = Sections(BindingTime.Step), end = Sections(BindingTime.End);
        var key = new WeightKey(_network, _manifest.Steps.Count, _manifest.Weights.Sha256);
        return new(
            type, project.SeesInternals, key.ResourceName, key.Bytes, _manifest.Model, _manifest.Sampling,
            _network.Operations.OfType<ConvolutionOperation>().Select(c => c.WeightBits).Distinct().OrderBy(b => b).ToEquatableArray(),
            _plan.BytesPerImage, _layout.TotalBytes, _shapes.Shapes, _weights.ToEquatableArray(), maps, vectors, state,
            _mapNames[_network.Latent], _mapNames[_network.Epsilon],
            _solver, _solver.ScalesInput ? _solverMaps.First(m => m.Register == Register.State).Map : _mapNames[_network.Latent], _solverMaps.ToEquatableArray(), _manifest.Scheduler, step, stepMethods, _manifest.Steps)
        {
            Call = call,
            Image = image,
            Variance = _manifest.Program.LearnsVariance ? _mapNames[_linked.Variance!] : null,
            ImageInput = _linked.ImageInput is { } input ? _mapNames[input] : null,
            ImageOutput = _linked.ImageOutput is { } output ? _mapNames[output] : null,
            Early = Enumerable.Range(0, _manifest.Steps.Count).Select(step => new EquatableArray<EquatableArray<Statement>>(_manifest.Program.Early(step))).ToEquatableArray(),
            End = end,
            Once = Once(),
            FirstRow = _network.Embedding.FirstRow,
            Inputs = _linked.Given.Select(Input).ToEquatableArray(),
            Prompt = _manifest.Prompt,
            Texts = _network.Texts.Select(t => _layout[t.Name]).ToEquatableArray(),
            ReadsPrompts = project.ReadsPrompts && _network.Texts.Count > 0,
            Picture = _linked.PictureMap,
            Tile = _linked.Tile is { } tile ? Input(tile) : null,
            TileOverlap = _manifest.DecoderOverlap,
            TilesBlend = _linked.TilesBlend,
            PictureName = _manifest.Decoder is null ? null : _mapNames[_linked.Picture],
        };
    }

    /// <summary>Quantization of what runs once: of the sampled network as in any step, then of encoders and decoder.</summary>
    private Column Once()
    {
        Step any = _manifest.Steps[0];
        TimelessNetwork[] parts = [.. _manifest.Timeless()];
        return new(any.Scales.Concat(parts.SelectMany(p => p.Scales)).ToEquatableArray(), any.ZeroPoints.Concat(parts.SelectMany(p => p.ZeroPoints)).ToEquatableArray(),
            any.Levels.Concat(parts.SelectMany(p => p.Levels)).ToEquatableArray());
    }

    private GivenMap Input(string name)
    {
        Map map = _maps[name];
        return new(name, _mapNames[name], map.Height, map.Width, map.Channels, _linked.Rows(name));
    }

    private EquatableArray<string> StepMethods()
    {
        string format = "D" + (_manifest.Steps.Count - 1).ToString(CultureInfo.InvariantCulture).Length.ToString(CultureInfo.InvariantCulture);
        return Enumerable.Range(0, _manifest.Steps.Count)
            .Select(i => _members.Claim("Step" + i.ToString(format, CultureInfo.InvariantCulture))).ToEquatableArray();
    }

    private EquatableArray<Constant> MapConstants(bool hasVectors)
    {
        var names = new NameScope([.. s_inherited, "Maps"]);
        var constants = new List<Constant>();
        if (hasVectors)
            constants.Add(new("Activation", names.Claim("Vectors"), _plan[BufferPlan.Vectors], Literal.Int(_network.Embedding.Vectors) + " numbers in FP32"));
        foreach (Map map in _network.Maps)
        {
            string name = names.Claim(Identifiers.ToPascalCase(map.Name));
            _mapNames.Add(map.Name, name);
            constants.Add(new("Activation", name, _plan[map.Name], ShapeTable.Describe(map)));
        }

        foreach (Register register in _solver.Planned)
        {
            string name = names.Claim(register.Kind switch
            {
                RegisterKind.State => "State",
                RegisterKind.History => "History",
                RegisterKind.Saved => "Saved",
                RegisterKind.Original => "Original",
                RegisterKind.Known => "Known",
                RegisterKind.Mask => "Mask",
                _ => "Noise",
            } + (register.IsNumbered ? Literal.Int(register.Index) : ""));
            _solverMaps.Add(new(register, name));
            constants.Add(new("Activation", name, _plan[register], $"the solver's {register}"));
        }

        return constants.ToEquatableArray();
    }

    private EquatableArray<Section> Sections(BindingTime time)
    {
        var sections = new List<Section>();
        var calls = new List<Call>();
        string module = "";
        foreach (Operation operation in _network.Operations.Where((_, i) => _linked.Time(i) == time))
        {
            string its = Module(operation.Name);
            if (its != module && calls.Count > 0)
            {
                sections.Add(new(module, calls.ToEquatableArray()));
                calls.Clear();
            }

            module = its;
            calls.Add(operation.Accept(this));
        }

        if (calls.Count > 0) sections.Add(new(module, calls.ToEquatableArray()));
        return sections.ToEquatableArray();
    }

    /// <summary><c>down_blocks.0.resnets.0.conv1</c> belongs to <c>down_blocks.0.resnets.0</c>, and so do an element of a list, <c>….to_out.0</c>,
    /// and the quantization of its input; a name without a parent is its own module.</summary>
    private static string Module(string name)
    {
        const string quantize = ".quantize";
        if (name.EndsWith(quantize, StringComparison.Ordinal)) name = name.Substring(0, name.Length - quantize.Length);
        string[] parts = name.Split('.');
        int own = parts.Length > 2 && parts[parts.Length - 1].All(c => c is >= '0' and <= '9') ? 2 : 1;
        return parts.Length > own ? string.Join(".", parts.Take(parts.Length - own)) : name;
    }

    /// <summary>Quantization of a map; −1 for FP32.</summary>
    private int Slot(string map) => _maps[map].IsQuantized ? _slots[map] : -1;

    private string Weights(string type, string operation, string comment)
    {
        string name = _weightNames.Claim(Identifiers.ToPascalCase(operation));
        _weights.Add(new(type, name, _layout[operation], comment));
        return name;
    }
}
