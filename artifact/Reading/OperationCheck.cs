namespace Specializer.Manifest;

/// <summary>What an operation's check sees of its network, and where it reports: at a property of the operation.</summary>
/// <param name="maps">All maps by name.</param>
/// <param name="vectors">Elements of the embedding's vectors.</param>
/// <param name="node">The operation in the manifest.</param>
/// <param name="log">Receives the mistakes.</param>
internal sealed class OperationCheck(IReadOnlyDictionary<string, Map> maps, int vectors, JsonNode node, ErrorLog log)
{
    public IReadOnlyDictionary<string, Map> Maps => maps;

    public int Vectors => vectors;

    /// <summary>Reports at a property, which is there; where none is given, at the operation.</summary>
    public void Report(string id, string message, string? property = null) => log.Add(id, message, property is null ? node : node[property]!);

    public bool ExpectFloat(string property)
    {
        if (!Map(property).IsQuantized) return true;
        Report(ManifestErrorId.ElementType, $"A float32 map is expected here; {Names.Quote(Map(property).Name)} is quantized.", property);
        return false;
    }

    public bool ExpectQuantized(string property)
    {
        if (Map(property).IsQuantized) return true;
        Report(ManifestErrorId.ElementType, $"A quantized map is expected here; {Names.Quote(Map(property).Name)} is float32.", property);
        return false;
    }

    /// <summary>The map at a property has the shape of another.</summary>
    public bool ExpectEqual(string expected, string property)
    {
        Map map = Map(property), like = maps[expected];
        if (map.Height == like.Height && map.Width == like.Width && map.Channels == like.Channels) return true;
        Report(ManifestErrorId.Shape, $"{Names.Quote(map.Name)} is {map.Size}; it must have the shape of {Names.Quote(expected)}, {like.Size}.", property);
        return false;
    }

    private Map Map(string property) => maps[node[property]!.Text];
}
