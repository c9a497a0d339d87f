namespace Specializer.Calibration;

/// <summary>A sum over units of trajectories whose order is fixed, so that any split over runs or machines gives the same bits: node i of level l is the sum of the nodes 2i
/// and 2i + 1 of the level below; where the right one is missing, the left one stands for both.</summary>
/// <remarks>Only the largest whole nodes of the range are kept, at most 2·log₂ of its units.</remarks>
/// <param name="combine">Sums of two neighbours, the left one first; changes neither.</param>
internal sealed class CanonicalSum<T>(Func<T, T, T> combine) where T : class
{
    private const int Levels = 31;

    private readonly List<Node> _nodes = [];

    private readonly record struct Node(int Level, int Index, T Sum)
    {
        public long First => (long)Index << Level;

        public long End => (long)(Index + 1) << Level;
    }

    /// <summary>The unit after the range.</summary>
    public long End => _nodes.Count == 0 ? 0 : _nodes[^1].End;

    /// <summary>The sum of the whole range; null when nothing was added.</summary>
    public T? Total
    {
        get
        {
            T? sum = null;
            for (int i = _nodes.Count - 1; i >= 0; i--) sum = sum is null ? _nodes[i].Sum : combine(_nodes[i].Sum, sum);
            return sum;
        }
    }

    /// <summary>Adds the unit that follows those added before.</summary>
    /// <exception cref="ArgumentException">It is another one.</exception>
    public void Add(int unit, T sum) => Append(new(0, unit, sum));

    /// <summary>Adds a range that follows.</summary>
    /// <exception cref="ArgumentException">It begins elsewhere.</exception>
    public void Merge(CanonicalSum<T> following)
    {
        foreach (Node node in following._nodes) Append(node);
    }

    /// <summary>Writes the nodes.</summary>
    public void Write(BinaryWriter writer, Action<T> write)
    {
        writer.Write(_nodes.Count);
        foreach (Node node in _nodes)
        {
            writer.Write(node.Level);
            writer.Write(node.Index);
            write(node.Sum);
        }
    }

    /// <summary>Reads the nodes of a range of units into an empty sum.</summary>
    /// <param name="reader">Where they stand.</param>
    /// <param name="first">First unit of the range.</param>
    /// <param name="end">Unit after its last.</param>
    /// <param name="read">Reads a node's sum, given its units.</param>
    /// <exception cref="InvalidDataException">They are not the nodes of these units.</exception>
    public void Read(BinaryReader reader, int first, int end, Func<UnitRange, T> read)
    {
        int count = reader.ReadInt32();
        if (count < 0 || count > 2 * Levels) throw new InvalidDataException($"{count} nodes are no sum of {end - first} units");
        for (; count > 0; count--)
        {
            int level = reader.ReadInt32(), index = reader.ReadInt32();
            long next = _nodes.Count == 0 ? first : End;
            if (level < 0 || level >= Levels || index < 0 || (long)index << level != next || (long)(index + 1) << level > end)
                throw new InvalidDataException($"node {index} of level {level} does not follow unit {next} of {end}");
            Append(new(level, index, read(new((int)next, (int)((long)(index + 1) << level)))));
        }

        if (first < end && End != end) throw new InvalidDataException($"the sum ends at unit {End}, not {end}");
    }

    private void Append(Node node)
    {
        if (_nodes.Count > 0 && node.First != End) throw new ArgumentException($"Unit {End} comes next, not {node.First}.", nameof(node));
        while (_nodes.Count > 0 && _nodes[^1] is { Index: var left } last && last.Level == node.Level && left % 2 == 0)
        {
            _nodes.RemoveAt(_nodes.Count - 1);
            node = new(node.Level + 1, left / 2, combine(last.Sum, node.Sum));
        }

        _nodes.Add(node);
    }
}
