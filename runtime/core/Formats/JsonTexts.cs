using System.Text.Json;

namespace Specializer.Formats;

/// <summary>Names and strings of a JSON document are decoded when they are asked for, and an escaped half of a surrogate pair is found only then.</summary>
internal static class JsonTexts
{
    /// <summary>Decodes them all.</summary>
    /// <exception cref="InvalidOperationException">One of them is not made of characters.</exception>
    public static void Check(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                element.GetString();
                break;
            case JsonValueKind.Array:
                foreach (JsonElement item in element.EnumerateArray()) Check(item);
                break;
            case JsonValueKind.Object:
                foreach (JsonProperty property in element.EnumerateObject())
                {
                    _ = property.Name;
                    Check(property.Value);
                }

                break;
        }
    }
}
