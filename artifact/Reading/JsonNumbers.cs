using System.Collections;

namespace Specializer.Manifest;

/// <summary>Elements of an array of numbers, of which a manifest has most: kept as places in the text, so that a number takes four bytes whoever wrote it, and made values when they are asked for.</summary>
/// <param name="text">The whole text.</param>
/// <param name="starts">Offset of each number.</param>
internal sealed class JsonNumbers(string text, int[] starts) : IReadOnlyList<JsonNode>
{
    public int Count => starts.Length;

    public JsonNode this[int index]
    {
        get
        {
            int end = starts[index];
            // What follows a number in an array is no part of any.
            while (text[end] is '-' or '+' or '.' or 'e' or 'E' or (>= '0' and <= '9')) end++;
            return new(JsonKind.Number, starts[index], end, text);
        }
    }

    public IEnumerator<JsonNode> GetEnumerator()
    {
        for (int i = 0; i < Count; i++) yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
