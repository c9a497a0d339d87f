using System.CommandLine;
using Specializer.Benchmarks.Measurement;
using Specializer.Benchmarks.Report;

namespace Specializer.Benchmarks.Commands;

/// <summary>Options of commands that can write their section of the document.</summary>
internal sealed class DocumentOptions
{
    private readonly Option<FileInfo> _document = new Option<FileInfo>("--document") { Description = "Markdown file whose section of this measurement is replaced, e.g. docs/performance.md." }.AcceptExistingOnly();
    private readonly Option<string?> _date = new("--date") { Description = "Date that the document states; the program does not ask the clock." };
    private readonly Option<string?> _machine = new("--machine") { Description = "The machine that the document states; by default what the processor calls itself." };

    private readonly Option<string?> _section = new("--section") { Description = "Which section of the document, between <!-- NAME --> and <!-- /NAME -->; by default the command's own." };

    public void AddTo(Command command)
    {
        command.Add(_document);
        command.Add(_section);
        command.Add(_date);
        command.Add(_machine);
    }

    /// <summary>Writes a section with the circumstances of its measurement; does nothing without <c>--document</c>.</summary>
    public void Write(ParseResult options, string section, string content, string? versions = null)
    {
        if (options.GetValue(_document) is not { } document) return;
        string[] circumstances = [options.GetValue(_machine) ?? Machine.This.ToString(), .. (string?[])[versions, options.GetValue(_date)] is var rest ? rest.OfType<string>() : []];
        PerformanceDocument.Replace(document.FullName, options.GetValue(_section) ?? section, $"Measured on: {string.Join("; ", circumstances)}.\n\n{content}");
    }

    /// <summary>Writes a picture, at a path relative to the document, beside the command's own section.</summary>
    public void WritePicture(ParseResult options, string fileName, string svg)
    {
        if (options.GetValue(_document) is { } document && options.GetValue(_section) is null) File.WriteAllText(Path.Combine(document.DirectoryName!, fileName), svg);
    }
}
