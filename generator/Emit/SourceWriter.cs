using System.Text;

namespace Specializer.Generator.Emit;

/// <summary>Indented lines, ended by '\n' on every machine.</summary>
internal sealed class SourceWriter
{
    private readonly StringBuilder _text = new();
    private int _depth;

    public void Line(string line = "")
    {
        if (line.Length > 0) _text.Append(' ', 4 * _depth).Append(line);
        _text.Append('\n');
    }

    /// <summary>Braces around what is written until the result is disposed of.</summary>
    public Scope Block()
    {
        Line("{");
        _depth++;
        return new(this, "}");
    }

    /// <summary>The elements of a collection expression that ends a member.</summary>
    public Scope Elements()
    {
        Line("[");
        _depth++;
        return new(this, "];");
    }

    /// <summary>Deeper, without braces.</summary>
    public Scope Indent()
    {
        _depth++;
        return new(this, null);
    }

    public override string ToString() => _text.ToString();

    public readonly struct Scope(SourceWriter writer, string? end) : IDisposable
    {
        public void Dispose()
        {
            writer._depth--;
            if (end is not null) writer.Line(end);
        }
    }
}
