using Microsoft.CodeAnalysis;

namespace Specializer.Generator.Parsing;

/// <summary>All that the generator asks the compilation.</summary>
/// <param name="Exists">Whether Specializer.Runtime is referenced.</param>
/// <param name="SeesInternals">Whether it shows its internals to this project, as to its own tests and benchmarks.</param>
internal sealed record RuntimeReference(bool Exists, bool SeesInternals)
{
    public static RuntimeReference Of(Compilation compilation, CancellationToken cancellation)
    {
        IAssemblySymbol? runtime = compilation.GetTypeByMetadataName("Specializer.Sampler")?.ContainingAssembly;
        return new(runtime is not null, runtime?.GivesAccessTo(compilation.Assembly) ?? false);
    }
}
