namespace Specializer.Manifest;

/// <summary>Turns offsets into lines and columns, both from 1.</summary>
internal sealed class LineMap
{
    private readonly List<int> _starts = [0];

    public LineMap(string text)
    {
        for (int i = 0; i < text.Length; i++)
            if (text[i] == '\n' || (text[i] == '\r' && (i + 1 == text.Length || text[i + 1] != '\n'))) _starts.Add(i + 1);
    }

    public (int Line, int Column) this[int offset]
    {
        get
        {
            int found = _starts.BinarySearch(offset);
            int line = found >= 0 ? found : ~found - 1;
            return (line + 1, offset - _starts[line] + 1);
        }
    }

    /// <summary>Offset of a position that this map gave out.</summary>
    public int Offset(int line, int column) => _starts[line - 1] + column - 1;
}
