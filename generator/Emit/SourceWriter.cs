using System.Text;

namespace Specializer.Generator.Emit;

/// <summary>Indented lines, ended by '\n' on every machine.</summary>
/// <param name="maximumLength">Characters that the text may have.</param>
internal sealed class SourceWriter(int maximumLength = int.MaxValue)
{
    private readonly StringBuilder _text = new();
    private int _depth;

    /// <exception cref="SourceTooLongException">The text would become longer than the limit.</exception>
    public void Line(string line = "")
    {
        if (_text.Length + 4L * _depth + line.Length + 1 > maximumLength) throw new SourceTooLongException(maximumLength);
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

    /// <summary>The elements of a collection expression.</summary>
    /// <param name="end">Its end, and what follows.</param>
    public Scope Elements(string end = "];")
    {
        Line("[");
        _depth++;
        return new(this, end);
    }

    /// <summary>Deeper, without braces.</summary>
    public Scope Indent()
    {
        _depth++;
        return new(this, null);
    }

    public override string ToString() => _text.ToString();

    /// <summary>The type begins: what a project's own settings would say of it is settled here, as its authors cannot change it.</summary>
    public void Pragmas(bool mayBecomeKeyword)
    {
        Line("#pragma warning disable CS3001, CS3009 // The runtime makes no promise about the CLS, whatever the project promises.");
        if (mayBecomeKeyword) Line("#pragma warning disable CS8981 // The project chose the name.");
    }

    public readonly struct Scope(SourceWriter writer, string? end) : IDisposable
    {
        public void Dispose()
        {
            writer._depth--;
            if (end is not null) writer.Line(end);
        }
    }
}

/// <summary>A text would become longer than it may.</summary>
internal sealed class SourceTooLongException(int maximumLength) : Exception($"The source has more than {maximumLength} characters.");
