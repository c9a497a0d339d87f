using System.Globalization;
using Specializer.Calibration;
using Specializer.Manifest;

namespace Specializer.Tool;

/// <summary>What a command says about the model that it read.</summary>
internal static class ModelText
{
    /// <summary>Class, size and kind in one line.</summary>
    public static string Describe(ImportedModel model) => string.Create(CultureInfo.InvariantCulture,
        $"{model.Name}: {model.Architecture}, {model.Parameters:N0} parameters, {model.Height}×{model.Width}×{model.Channels}{Latents(model)}, {Kind(model.Text is not null, model.Classes, [.. GivenContexts.Needed(model).Select(GivenContexts.Describe)])}");

    /// <summary>What pictures are drawn from.</summary>
    /// <param name="prompts">Whether prompts say it.</param>
    /// <param name="classes">Labels; 0 for none.</param>
    /// <param name="given">What callers give.</param>
    public static string Kind(bool prompts, int classes, IReadOnlyList<string> given)
    {
        string[] all = [.. prompts ? (string[])["drawn from prompts"] : [], .. given.Count == 0 ? (string[])[] : [$"given {string.Join(", ", given)}"], .. classes == 0 ? (string[])[] : [string.Create(CultureInfo.InvariantCulture, $"{classes} classes")]];
        return all.Length == 0 ? "unconditional" : string.Join(", ", all);
    }

    /// <summary>What was taken for what was asked for, and what nothing uses.</summary>
    /// <param name="model">The model.</param>
    /// <param name="all">Whether what is known to change nothing is told, too: where a model is looked at, and not used. Of a network it is all that is ignored; a scheduler's file may say anything.</param>
    public static IEnumerable<string> Remarks(ImportedModel model, bool all = false) =>
    [
        .. model.Notes,
        .. (all ? model.Ignored : model.Scheduler.Ignored.Where(i => !i.Key.StartsWith('_'))).GroupBy(i => i.File, StringComparer.Ordinal).Select(g => $"{MessageText.Harmless(Place(g.Key))}: ignored {string.Join(", ", g.Select(i => MessageText.Harmless(i.Key)))}"),
    ];

    /// <summary>A file by the name of its folder and its own, for each part of a pipeline has a <c>config.json</c>.</summary>
    public static string Place(string file)
    {
        string full = Path.GetFullPath(file);
        return $"{Path.GetFileName(Path.GetDirectoryName(full))}/{Path.GetFileName(full)}";
    }

    private static string Latents(ImportedModel model) => model.Pipeline is { Decoder: { } decoder } pipeline
        ? $" (latents{(pipeline.Class.Length == 0 ? "" : $" of {MessageText.Harmless(pipeline.Class)}")}, which {MessageText.Harmless(decoder.Name)} turns into pictures)" : "";
}
