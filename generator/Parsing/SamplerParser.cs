using Specializer.Generator.Diagnostics;
using Specializer.Generator.Model;
using Specializer.Manifest;

namespace Specializer.Generator.Parsing;

/// <summary>What became of one manifest file.</summary>
internal sealed record ParseResult(string Path, GeneratedType? Type, EquatableArray<DiagnosticInfo> Diagnostics)
{
    public static ParseResult Failed(string path, GeneratedType? type, params DiagnosticInfo[] diagnostics) => new(path, type, new(diagnostics));
}

/// <summary>From a file to the model of its sampler, or to diagnostics and a stub.</summary>
internal static class SamplerParser
{
    public static ParseResult Parse(ManifestFile file, ProjectFacts project, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        try
        {
            return Parse(file, project);
        }
        catch (Exception e)
        {
            // A generator that throws loses all its types with nothing but warning CS8785.
            return ParseResult.Failed(file.Path, null,
                DiagnosticInfo.AtFile(ManifestErrorId.Internal, file.Path, $"The generator failed: {e.GetType().Name}. Please report this manifest."));
        }
    }

    /// <summary>Of several manifests that generate the same type, the first by path keeps it.</summary>
    public static ParseResult RefuseDuplicates(ParseResult result, EquatableArray<TypeClaim> claims)
    {
        if (result.Type is not { } generated) return result;
        TypeName type = generated.Type;
        TypeClaim? first = claims.FirstOrDefault(c =>
            // File names of generated sources are compared without case.
            string.Equals(c.Namespace, type.Namespace, StringComparison.OrdinalIgnoreCase) && string.Equals(c.Name, type.Name, StringComparison.OrdinalIgnoreCase));
        if (first is null || first.Path == result.Path) return result;
        return ParseResult.Failed(result.Path, null, DiagnosticInfo.AtFile(Descriptors.DuplicateTypeId, result.Path,
            $"This manifest and {Names.Quote(FilePaths.Distinguish(first.Path, result.Path))} both generate {type.Namespace}.{type.Name}. Give one of their items in the project file another ClassName or Namespace."));
    }

    private static ParseResult Parse(ManifestFile file, ProjectFacts project)
    {
        if (!project.HasRuntime)
            return ParseResult.Failed(file.Path, null, DiagnosticInfo.AtFile(Descriptors.RuntimeId, file.Path,
                "Generated samplers run on Specializer.Runtime, which this project does not reference. Add a reference to the package."));
        ManifestResult read =
            file.Text is null ? new(null, default)
            : !file.IsUtf8 ? new(null, new([ManifestReader.WrongEncoding]))
            : ManifestReader.Read(file.Text);
        var options = new SamplerOptions(file, read.Manifest?.Model.Name);
        if (read.Manifest is { } manifest && options.Problems.Count == 0 && project.OldLanguage is null)
            return new(file.Path, SamplerModelBuilder.Build(manifest, options.Type, project), options.Notes.ToEquatableArray());

        List<DiagnosticInfo> problems = [.. options.Problems, .. options.Notes];
        if (project.OldLanguage is not null)
        {
            problems.Add(DiagnosticInfo.AtFile(Descriptors.LanguageId, file.Path,
                $"This project is written in C# {project.OldLanguage}; generated samplers need C# 12 or later. Write <LangVersion>12</LangVersion> or higher in the project file, or remove LangVersion there."));
        }

        if (file.Text is null)
        {
            problems.Add(DiagnosticInfo.AtFile(Descriptors.UnreadableId, file.Path, "The compiler cannot read this file. Check that it exists and is text."));
        }
        else
        {
            var lines = new LineMap(file.Text);
            problems.AddRange(read.Errors.Select(e => DiagnosticInfo.At(e, file.Path, lines)));
        }

        return new(file.Path, options.CanStandIn ? new StubModel(options.Type, project.SeesInternals) : null, problems.ToEquatableArray());
    }
}

/// <summary>Which file generates which type.</summary>
internal sealed record TypeClaim(string Path, string Namespace, string Name);
