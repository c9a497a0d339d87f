using Specializer.Generator.Model;
using Specializer.Manifest;

namespace Specializer.Generator.Parsing;

/// <summary>The shape structs of one sampler: equal shapes share one, so that the JIT compiles each kernel once a shape.</summary>
internal sealed partial class ShapeTable(NameScope names)
{
    private readonly Dictionary<string, Shape> _byContent = new(StringComparer.Ordinal);
    private readonly List<Shape> _shapes = [];

    public EquatableArray<Shape> Shapes => _shapes.ToEquatableArray();

    public string Map(Map map) => Add("IMapShape", $"Map{Size(map)}{Suffix(map.Type)}", $"A map of {Describe(map)}.",
    [
        Int("Height", map.Height), Int("Width", map.Width), Int("Channels", map.Channels), Int("ElementSize", map.ElementSize),
    ]);

    public string Embedding(Embedding embedding, int steps) => Add("IEmbeddingShape", "StepVectors",
        embedding.Classes == 0
            ? "The vectors of every step, folded from the time embedding."
            : $"The time embedding of every step, and {Literal.Int(embedding.Classes)} labels.",
        [Int("Steps", embedding.RowsFor(steps)), Int("Embedding", embedding.Width), Int("Classes", embedding.Classes), Int("Vectors", embedding.Vectors)]);

    public static string Describe(Map map) => Size(map, '×') + " in " + Storage(map.Type);

    private static string Storage(MapType type) => type switch { MapType.Quantized8 => "bytes", MapType.Quantized16 => "16 bits", _ => "FP32" };

    private string Add(string type, string name, string summary, ShapeMember[] members)
    {
        string content = type + string.Concat(members.Select(m => "|" + m.Value));
        if (!_byContent.TryGetValue(content, out Shape? shape))
        {
            shape = new(names.Claim(name), type, summary, new(members));
            _byContent.Add(content, shape);
            _shapes.Add(shape);
        }

        return shape.Name;
    }

    private static string Suffix(MapType type) => type switch { MapType.Quantized8 => "", MapType.Quantized16 => "Wide", _ => "Float" };

    private static string Size(Map map, char by = 'x') => Literal.Int(map.Height) + by + Literal.Int(map.Width) + by + Literal.Int(map.Channels);

    private static ShapeMember Int(string name, int value) => new("int", name, Literal.Int(value));
}
