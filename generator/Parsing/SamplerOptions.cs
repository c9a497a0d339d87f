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
        if (!Identifiers.IsNamespace(space)) Add("Namespace", space, "it must be dotted identifiers, none of them a keyword.");

        string name = file.ClassName.Length > 0 ? file.ClassName : Identifiers.ToPascalCase(modelName ?? Stem(file.Path)) + "Sampler";
        if (!Identifiers.IsIdentifier(name))
            Add("ClassName", name, "it must be an identifier and no keyword.");
        else if (SamplerModelBuilder.IsReserved(name))
            Add("ClassName", name, $"the generated type has a member or base of that name. Choose another, for example {name}Model.");

        CanStandIn = _problems.Count == 0;
        string accessibility = file.Accessibility.Length > 0 ? file.Accessibility : "internal";
        if (accessibility is not ("internal" or "public"))
        {
            Add("Accessibility", accessibility, "write 'internal' or 'public'.");
            // Whoever uses the stand-in may be public.
            accessibility = "public";
        }

        Type = new(space, name, accessibility);
    }

    public TypeName Type { get; }

    /// <summary>Whether a type can have this name at least.</summary>
    public bool CanStandIn { get; }

    public IReadOnlyList<DiagnosticInfo> Problems => _problems;

    private void Add(string metadata, string value, string rule) => _problems.Add(DiagnosticInfo.AtFile(
        Descriptors.OptionId, _path, $"{Names.Quote(value)} is not possible as {metadata} of this manifest's item in the project file: {rule}"));

    /// <summary>"mnist" of "models/mnist.calibration.json".</summary>
    private static string Stem(string path)
    {
        string file = path.Substring(path.LastIndexOfAny(['/', '\\']) + 1);
        int dot = file.IndexOf('.');
        return dot > 0 ? file.Substring(0, dot) : file;
    }
}
