using Specializer.Generator.Diagnostics;
using Specializer.Generator.Model;
using Specializer.Manifest;

namespace Specializer.Generator.Parsing;

/// <summary>The metadata of a manifest's item, checked, with defaults.</summary>
internal sealed class SamplerOptions
{
    private readonly List<DiagnosticInfo> _problems = [];
    private readonly List<DiagnosticInfo> _notes = [];
    private readonly string _path;

    /// <param name="file">The item.</param>
    /// <param name="modelName">From the manifest; null when it could not be read, and then the file's name gives the class its name.</param>
    public SamplerOptions(ManifestFile file, string? modelName)
    {
        _path = file.Path;
        string space = file.Namespace.Length > 0 ? file.Namespace : Identifiers.ToNamespace(file.RootNamespace);
        if (space.Length == 0) space = "Specialized";
        if (!Identifiers.IsNamespace(space)) Add("Namespace", space, "it must be dotted identifiers, none of them a keyword.");

        string name = file.ClassName.Length > 0 ? file.ClassName : DefaultName(Identifiers.ToPascalCase(modelName ?? Stem(file.Path)), space);
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

    /// <summary>What stops the sampler from being printed.</summary>
    public IReadOnlyList<DiagnosticInfo> Problems => _problems;

    /// <summary>What the project's author should know.</summary>
    public IReadOnlyList<DiagnosticInfo> Notes => _notes;

    /// <summary>What no part of the namespace hides: where <c>TinySampler</c> is a namespace, as of a project called so, a program that means the class does not reach it.</summary>
    private string DefaultName(string model, string space)
    {
        string name = model + "Sampler";
        if (!space.Split('.').Contains(name)) return name;
        string other = model + "ModelSampler";
        _notes.Add(DiagnosticInfo.AtFile(Descriptors.HiddenNameId, _path,
            $"By default the class would be called {name}, by which a program means the namespace {space}; it is called {space}.{other}. Give this manifest's item in the project file a ClassName of your choice."));
        return other;
    }

    private void Add(string metadata, string value, string rule) => _problems.Add(DiagnosticInfo.AtFile(
        Descriptors.OptionId, _path, $"{Names.Quote(value)} is not possible as {metadata} of this manifest's item in the project file: {rule}"));

    /// <summary>"mnist" of "models/mnist.calibration.json".</summary>
    private static string Stem(string path)
    {
        string file = FilePaths.Name(path);
        int dot = file.IndexOf('.');
        return dot > 0 ? file.Substring(0, dot) : file;
    }
}
