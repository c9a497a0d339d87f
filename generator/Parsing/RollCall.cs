using Microsoft.CodeAnalysis.Diagnostics;
using Specializer.Generator.Diagnostics;
using Specializer.Manifest;

namespace Specializer.Generator.Parsing;

/// <summary>Compares the manifests that the compiler got with those of which the project packs the weights: a type without weights, or weights without their
/// type, would be found only when the program fails.</summary>
internal static class RollCall
{
    private const string Property = "build_property.SpecializerManifests";

    /// <summary>The project's list, by file name; null where no build of ours made one.</summary>
    public static EquatableArray<string>? Announced(AnalyzerConfigOptionsProvider options) =>
        options.GlobalOptions.TryGetValue(Property, out string? names) ? names.Split(['/'], StringSplitOptions.RemoveEmptyEntries).ToEquatableArray() : null;

    public static EquatableArray<DiagnosticInfo> Check(IEnumerable<ManifestFile> files, EquatableArray<string>? announced)
    {
        if (announced is not { } names) return default;
        var missing = names.ToList();
        // The project's list cannot carry these characters.
        ManifestFile[] surplus = files.Where(f => !missing.Remove(FilePaths.Name(f.Path).Replace('#', '_').Replace(';', '_'))).ToArray();
        return missing.Select(name => DiagnosticInfo.OfProject(Descriptors.OneHalfId,
                $"The project lists the calibration manifest {Names.Quote(name)}, but the compiler did not get it as one. Something removes it from AdditionalFiles, or sets their metadata SpecializerManifest, after the build has put it there; remove that."))
            .Concat(surplus.Select(file => DiagnosticInfo.AtFile(Descriptors.OneHalfId, file.Path,
                "This file has the metadata SpecializerManifest but is no CalibrationManifest item, so its weights are not packed. Write <CalibrationManifest Include=…/> instead of AdditionalFiles.")))
            .ToEquatableArray();
    }
}
