using Specializer.Generator.Diagnostics;
using Specializer.Generator.Model;
using Specializer.Manifest;

namespace Specializer.Generator.Parsing;

/// <summary>The metadata of a manifest's item, checked, with defaults.</summary>
internal sealed class SamplerOptions
{
    private readonly List<DiagnosticInfo> _problems = [];
    private readonly string _path;

    /// <param name="file">The item.</param>
    /// <param name="modelName">From the manifest; null when it could not be read, and then the file's name gives the class its name.</param>
    public SamplerOptions(ManifestFile file, string? modelName)
    {
        _path = file.Path;
        string space = file.Namespace.Length > 0 ? file.Namespace : Identifiers.ToNamespace(file.RootNamespace);
        if (space.Length == 0) space = "Specialized";
        if (!Identifiers.IsNamespace(space))
            Add($"{Names.Quote(space)} is not possible as Namespace: it must be dotted identifiers, none of them a keyword.");

        string name = file.ClassName.Length > 0 ? file.ClassName : Identifiers.ToPascalCase(modelName ?? Stem(file.Path)) + "Sampler";
        if (!Identifiers.IsIdentifier(name))
            Add($"{Names.Quote(name)} is not possible as ClassName: it must be an identifier and no keyword.");
        else if (SamplerModelBuilder.IsReserved(name))
            Add($"{Names.Quote(name)} is not possible as ClassName: the generated type has a member or base of that name. Choose another, for example {name}Model.");

        string accessibility = file.Accessibility.Length > 0 ? file.Accessibility : "internal";
        if (accessibility is not ("internal" or "public"))
            Add($"{Names.Quote(accessibility)} is not possible as Accessibility: write 'internal' or 'public'.");

        Type = new(space, name, accessibility);
    }

    public TypeName Type { get; }

    public IReadOnlyList<DiagnosticInfo> Problems => _problems;

    private void Add(string message) => _problems.Add(DiagnosticInfo.AtFile(Descriptors.OptionId, _path, message));

    /// <summary>"mnist" of "models/mnist.calibration.json".</summary>
    private static string Stem(string path)
    {
        string file = path.Substring(path.LastIndexOfAny(['/', '\\']) + 1);
        int dot = file.IndexOf('.');
        return dot > 0 ? file.Substring(0, dot) : file;
    }
}
