using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Specializer.Generator.Parsing;

/// <summary>All that the generator asks the compilation.</summary>
/// <param name="HasRuntime">Whether Specializer.Runtime is referenced.</param>
/// <param name="SeesInternals">Whether it shows its internals to this project, as to its own tests and benchmarks.</param>
/// <param name="OldLanguage">The project's version of C# where it is too old for a sampler; null otherwise.</param>
internal sealed record ProjectFacts(bool HasRuntime, bool SeesInternals, string? OldLanguage)
{
    /// <summary>Whether Specializer.Text is referenced, which reads prompts.</summary>
    public bool ReadsPrompts { get; init; }

    public static ProjectFacts Of(Compilation compilation, CancellationToken cancellation)
    {
        IAssemblySymbol? runtime = compilation.GetTypeByMetadataName("Specializer.Sampler")?.ContainingAssembly;
        LanguageVersion language = ((CSharpCompilation)compilation).LanguageVersion;
        return new(
            runtime is not null,
            runtime?.GivesAccessTo(compilation.Assembly) ?? false,
            // Tables are collection expressions.
            language < LanguageVersion.CSharp12 ? language.ToDisplayString() : null)
        {
            ReadsPrompts = compilation.GetTypeByMetadataName("Specializer.Text.ClipTokenizer") is not null,
        };
    }
}
