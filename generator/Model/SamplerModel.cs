using Specializer.Manifest;

namespace Specializer.Generator.Model;

/// <summary>Where a generated type stands.</summary>
/// <param name="Namespace">Dotted, validated.</param>
/// <param name="Name">Identifier, validated.</param>
/// <param name="Accessibility"><c>internal</c> or <c>public</c>.</param>
internal sealed record TypeName(string Namespace, string Name, string Accessibility)
{
    /// <summary>Whether the compiler warns of the name (CS8981): a later C# may make a word of small letters alone a keyword.</summary>
    public bool MayBecomeKeyword => Name.All(c => c is >= 'a' and <= 'z');
}

/// <summary>One type that is printed.</summary>
internal abstract record GeneratedType(TypeName Type, bool SeesInternals);

/// <summary>What stands in for a sampler that cannot be printed, so that the mistakes why are the only errors.</summary>
internal sealed record StubModel(TypeName Type, bool SeesInternals) : GeneratedType(Type, SeesInternals);

/// <summary>Everything that the emitter prints, decided: it looks nothing up and computes nothing.</summary>
/// <param name="Type">The generated type.</param>
/// <param name="SeesInternals">Whether the runtime shows its internals to this assembly: then an override repeats <c>protected internal</c>.</param>
/// <param name="Resource">Name of the packed weights.</param>
/// <param name="WeightKey">What their header must carry.</param>
/// <param name="Identity">The model.</param>
/// <param name="Sampling">What was calibrated.</param>
/// <param name="WeightBits">Weight widths that occur, ascending.</param>
/// <param name="ArenaBytes">Planned activations of one image.</param>
/// <param name="WeightBytes">Length of the packed weights.</param>
/// <param name="Shapes">Nested shape structs, each once.</param>
/// <param name="Weights">Named sections of the packed weights.</param>
/// <param name="Maps">Named places in the arena.</param>
/// <param name="VectorsShape">Shape of the step vectors; null when the network adds none.</param>
/// <param name="State">Shape of the latent and of the network's output.</param>
/// <param name="Latent">Name of what the network reads among <paramref name="Maps"/>.</param>
/// <param name="Epsilon">Name of the output among <paramref name="Maps"/>.</param>
/// <param name="Solver">How the solver is executed.</param>
/// <param name="StateMap">Name of the state among <paramref name="Maps"/>.</param>
/// <param name="SolverMaps">Names of the solver's registers that have memory of their own.</param>
/// <param name="Scheduler">Which solver it is.</param>
/// <param name="Sections">The operations of a step, grouped by the module that they come from.</param>
/// <param name="StepMethods">Name of each step's method.</param>
/// <param name="Steps">The numbers.</param>
internal sealed record SamplerModel(
    TypeName Type,
    bool SeesInternals,
    string Resource,
    EquatableArray<byte> WeightKey,
    ModelIdentity Identity,
    Sampling Sampling,
    EquatableArray<int> WeightBits,
    long ArenaBytes,
    long WeightBytes,
    EquatableArray<Shape> Shapes,
    EquatableArray<Constant> Weights,
    EquatableArray<Constant> Maps,
    string? VectorsShape,
    string State,
    string Latent,
    string Epsilon,
    SolverPlan Solver,
    string StateMap,
    EquatableArray<SolverMap> SolverMaps,
    SchedulerIdentity Scheduler,
    EquatableArray<Section> Sections,
    EquatableArray<string> StepMethods,
    EquatableArray<Step> Steps) : GeneratedType(Type, SeesInternals)
{
    /// <summary>The operations that run once a call.</summary>
    public EquatableArray<Section> Call { get; init; }

    /// <summary>The operations of the encoder of given pictures.</summary>
    public EquatableArray<Section> Image { get; init; }

    /// <summary>Name of what the network says of the variance among <see cref="Maps"/>; null where the solver does not ask.</summary>
    public string? Variance { get; init; }

    /// <summary>Name of its input among <see cref="Maps"/>; null where a picture is a state, or none can be given.</summary>
    public string? ImageInput { get; init; }

    /// <summary>Name of its output.</summary>
    public string? ImageOutput { get; init; }

    /// <summary>For each step what runs that began with a picture do instead, by how many steps earlier they began.</summary>
    public EquatableArray<EquatableArray<EquatableArray<Statement>>> Early { get; init; }

    /// <summary>The decoder's operations.</summary>
    public EquatableArray<Section> End { get; init; }

    /// <summary>What <see cref="Call"/> and <see cref="End"/> quantize with.</summary>
    public Column Once { get; init; } = new(default, default, default);

    /// <summary>Row of the first step in the embedding's table.</summary>
    public int FirstRow { get; init; }

    /// <summary>What a call gives.</summary>
    public EquatableArray<GivenMap> Inputs { get; init; }

    /// <summary>How prompts enter, or null.</summary>
    public Prompt? Prompt { get; init; }

    /// <summary>Where the tokenizer's vocabulary and merges lie among the packed weights; empty for none.</summary>
    public EquatableArray<long> Texts { get; init; }

    /// <summary>Whether the type reads prompts by itself.</summary>
    public bool ReadsPrompts { get; init; }

    /// <summary>The map of the picture: the state where there is no decoder.</summary>
    public Map Picture { get; init; } = null!;

    /// <summary>Its name among <see cref="Maps"/>; null where the state is the picture.</summary>
    public string? PictureName { get; init; }

    /// <summary>What the decoder reads of the state at a time; null where it reads the whole.</summary>
    public GivenMap? Tile { get; init; }

    /// <summary>Rows and columns of the state that tiles share.</summary>
    public int TileOverlap { get; init; }

    /// <summary>Whether tiles are mixed there.</summary>
    public bool TilesBlend { get; init; }
}

/// <summary>Quantization by slot.</summary>
internal sealed record Column(EquatableArray<Number> Scales, EquatableArray<int> ZeroPoints, EquatableArray<int> Levels)
{
    /// <summary>A slot, printed.</summary>
    public string Print(int slot) => $"new({Literal.Float(Scales[slot])}, {Literal.Int(ZeroPoints[slot])}, {Literal.Int(Levels[slot])})";
}

/// <summary>A map that a call gives.</summary>
/// <param name="Name">Its name in the model.</param>
/// <param name="Map">Its name among the sampler's maps.</param>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
/// <param name="Channels">Channels.</param>
/// <param name="Rows">Rows of the table in which its numbers are looked up; 0 for none.</param>
internal sealed record GivenMap(string Name, string Map, int Height, int Width, int Channels, int Rows);

/// <summary>Where a register of the solver lies.</summary>
/// <param name="Register">The register.</param>
/// <param name="Map">Name of its place.</param>
internal readonly record struct SolverMap(Register Register, string Map);

/// <summary>A nested struct that carries a static shape as literals.</summary>
/// <param name="Name">Name of the struct.</param>
/// <param name="Interface">Unqualified name of the interface in the runtime.</param>
/// <param name="Summary">One sentence.</param>
/// <param name="Members">What it implements.</param>
internal sealed record Shape(string Name, string Interface, string Summary, EquatableArray<ShapeMember> Members);

/// <summary>One property of a shape.</summary>
internal sealed record ShapeMember(string Type, string Name, string Value);

/// <summary>A named offset.</summary>
/// <param name="Type">Unqualified name of the handle's type in the runtime.</param>
/// <param name="Name">Name of the property.</param>
/// <param name="Offset">Bytes.</param>
/// <param name="Comment">What lies there.</param>
internal sealed record Constant(string Type, string Name, long Offset, string Comment);
