using System.Text.Json;

namespace Specializer.Mutations;

/// <summary>One of Stryker's mutations.</summary>
/// <param name="Id">By which it is made active.</param>
/// <param name="File">The source, from the repository's root.</param>
/// <param name="Line">From 1.</param>
/// <param name="Kind">Stryker's name for what was done.</param>
/// <param name="Text">What stands instead.</param>
internal sealed record Mutation(int Id, string File, int Line, string Kind, string Text)
{
    /// <summary>The mutations of a report that compiled and that no other one covers.</summary>
    public static List<Mutation> Of(string report)
    {
        using var json = JsonDocument.Parse(System.IO.File.ReadAllText(report));
        return [.. from file in json.RootElement.GetProperty("files").EnumerateObject()
                   from mutant in file.Value.GetProperty("mutants").EnumerateArray()
                   where mutant.GetProperty("status").GetString() is not ("CompileError" or "Ignored")
                   let id = int.Parse(mutant.GetProperty("id").GetString()!)
                   // In an order in which any beginning is a sample of all.
                   orderby (uint)id * 2654435761u
                   select new Mutation(id, Short(file.Name), mutant.GetProperty("location").GetProperty("start").GetProperty("line").GetInt32(),
                       mutant.GetProperty("mutatorName").GetString()!, mutant.TryGetProperty("replacement", out JsonElement text) ? text.GetString()! : "")];
    }

    private static string Short(string path)
    {
        string whole = Path.GetFullPath(path).Replace('\\', '/');
        int at = whole.LastIndexOf("/artifact/", StringComparison.Ordinal);
        return whole[((at >= 0 ? at : Math.Max(0, whole.LastIndexOf("/generator/", StringComparison.Ordinal))) + 1)..];
    }
}
