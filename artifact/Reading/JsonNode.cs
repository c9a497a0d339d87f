namespace Specializer.Manifest;

internal enum JsonKind
{
    Null,
    Boolean,
    Number,
    String,
    Array,
    Object,
}

/// <summary>One JSON value and where it stands. Positions are offsets into the text; <see cref="LineMap"/> turns them into lines and columns.</summary>
internal sealed class JsonNode
{
    private static readonly JsonNode[] s_noItems = [];
    private static readonly JsonMember[] s_noMembers = [];

    // Of a manifest's numbers most have one digit.
    private static readonly string[] s_digits = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

    private readonly object? _content;

    /// <param name="kind">Which kind of value.</param>
    /// <param name="start">Offset of its first character.</param>
    /// <param name="end">Offset after its last.</param>
    /// <param name="content">A string unescaped, elements, members, or whether it is true; of a number the whole text. Null for what is empty.</param>
    public JsonNode(JsonKind kind, int start, int end, object? content)
    {
        Kind = kind;
        Start = start;
        End = end;
        _content = content;
    }

    public JsonKind Kind { get; }

    public int Start { get; }

    /// <summary>Offset after the last character.</summary>
    public int End { get; }

    /// <summary>The unescaped text of a string, the token of a number, taken from the text each time; empty for other kinds.</summary>
    public string Text => _content is not string text ? "" : Kind != JsonKind.Number ? text : End - Start == 1 ? s_digits[text[Start] - '0'] : text.Substring(Start, End - Start);

    /// <summary>True for <c>true</c>; false for everything else.</summary>
    public bool IsTrue => _content is true;

    /// <summary>Elements of an array; empty for other kinds.</summary>
    public IReadOnlyList<JsonNode> Items => _content as IReadOnlyList<JsonNode> ?? s_noItems;

    /// <summary>Members of an object in the order of the text; empty for other kinds.</summary>
    public IReadOnlyList<JsonMember> Members => _content as IReadOnlyList<JsonMember> ?? s_noMembers;

    /// <summary>The value of a member, or null when there is none.</summary>
    public JsonNode? this[string name]
    {
        get
        {
            foreach (JsonMember member in Members)
                if (string.Equals(member.Name, name, StringComparison.Ordinal)) return member.Value;
            return null;
        }
    }
}

/// <summary>One member of an object; the positions are those of its quoted name.</summary>
internal sealed class JsonMember(string name, int start, int end, JsonNode value)
{
    public string Name { get; } = name;
    public int Start { get; } = start;
    public int End { get; } = end;
    public JsonNode Value { get; } = value;
}

/// <summary>Why a text is not JSON, and where.</summary>
internal sealed record JsonError(string Message, int Start, int End);
