using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;
using Specializer.Generator.Diagnostics;
using Specializer.Generator.Emit;
using Specializer.Generator.Model;
using Specializer.Generator.Parsing;
using Specializer.Manifest;

namespace Specializer.Generator;

/// <summary>Prints one sampler for each calibration manifest among the additional files: parse (Parsing), decide (Model), print (Emit).</summary>
[Generator(LanguageNames.CSharp)]
public sealed class SamplerGenerator : IIncrementalGenerator
{
    /// <summary>Names of the pipeline's steps, for tests of what is recomputed when.</summary>
    internal static class Steps
    {
        public const string Files = nameof(Files);
        public const string Project = nameof(Project);
        public const string Parsed = nameof(Parsed);
        public const string Claims = nameof(Claims);
        public const string Types = nameof(Types);
        public const string Diagnostics = nameof(Diagnostics);
    }

    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        var files = context.AdditionalTextsProvider.Combine(context.AnalyzerConfigOptionsProvider)
            .Where(pair => ManifestFile.IsManifest(pair.Left, pair.Right))
            .Select((pair, cancellation) => ManifestFile.Read(pair.Left, pair.Right, cancellation))
            .WithTrackingName(Steps.Files);
        var project = context.CompilationProvider.Select(ProjectFacts.Of).WithTrackingName(Steps.Project);
        var parsed = files.Combine(project)
            .Select((pair, cancellation) => SamplerParser.Parse(pair.Left, pair.Right, cancellation))
            .WithTrackingName(Steps.Parsed);
        var claims = parsed.Collect()
            .Select((results, _) => results.Where(r => r.Type is not null)
                .Select(r => new TypeClaim(r.Path, r.Type!.Type.Namespace, r.Type.Type.Name))
                .OrderBy(c => c.Path, StringComparer.Ordinal).ToEquatableArray())
            .WithTrackingName(Steps.Claims);
        var results = parsed.Combine(claims).Select((pair, _) => SamplerParser.RefuseDuplicates(pair.Left, pair.Right));

        var help = context.AnalyzerConfigOptionsProvider.Select((options, _) => HelpPages.Folder(options));
        // Apart, so that moving a mistake by a line does not print a type again, and the other way round.
        context.RegisterSourceOutput(results.Select((r, _) => (r.Path, r.Type)).WithTrackingName(Steps.Types).Combine(help), Print);
        context.RegisterSourceOutput(results.Select((r, _) => r.Diagnostics).WithTrackingName(Steps.Diagnostics).Combine(help), Report);
        context.RegisterSourceOutput(
            files.Collect().Combine(context.AnalyzerConfigOptionsProvider.Select((options, _) => RollCall.Announced(options)))
                .Select((pair, _) => RollCall.Check(pair.Left, pair.Right)).Combine(help), Report);
    }

    private static void Print(SourceProductionContext context, ((string Path, GeneratedType? Type) Of, string Help) pair)
    {
        var (result, help) = pair;
        if (result.Type is not { } type) return;
        try
        {
            string source = type is SamplerModel model ? SamplerEmitter.Emit(model, context.CancellationToken) : StubEmitter.Emit((StubModel)type);
            Add(context, type, source);
        }
        catch (SourceTooLongException)
        {
            var model = (SamplerModel)type;
            context.ReportDiagnostic(DiagnosticInfo.AtFile(ManifestErrorId.Limit, result.Path,
                $"The sampler would take more than {SamplerEmitter.MaximumLength} characters of C#: {model.Steps.Count} steps of {model.Sections.Sum(s => s.Calls.Count)} operations, each a line. Calibrate fewer steps.").ToDiagnostic(help));
            Add(context, type, StubEmitter.Emit(new(type.Type, type.SeesInternals)));
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            context.ReportDiagnostic(Diagnostic.Create(HelpPages.Link(Descriptors.Internal, help), null, $"The generator failed: {e.GetType().Name}. Please report the manifest of {type.Type.Name}."));
        }
    }

    private static void Add(SourceProductionContext context, GeneratedType type, string source) =>
        context.AddSource($"{type.Type.Namespace}.{type.Type.Name}.g.cs", SourceText.From(source, Encoding.UTF8));

    private static void Report(SourceProductionContext context, (EquatableArray<DiagnosticInfo> Of, string Help) diagnostics)
    {
        foreach (DiagnosticInfo diagnostic in diagnostics.Of) context.ReportDiagnostic(diagnostic.ToDiagnostic(diagnostics.Help));
    }
}
