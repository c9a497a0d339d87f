using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace Specializer.Generator.Diagnostics;

/// <summary>Where the page of each diagnostic lies: inside the package, which the build alone can find.</summary>
internal static class HelpPages
{
    private const string Property = "build_property.SpecializerHelp";

    /// <summary>Address of the folder, ending with '/'; empty where no build says so.</summary>
    public static string Folder(AnalyzerConfigOptionsProvider options) => options.GlobalOptions.TryGetValue(Property, out string? folder) ? folder : "";

    /// <summary>A descriptor with the address of its page.</summary>
    public static DiagnosticDescriptor Link(DiagnosticDescriptor descriptor, string folder) => folder.Length == 0 ? descriptor
        : new(descriptor.Id, descriptor.Title, descriptor.MessageFormat, descriptor.Category, descriptor.DefaultSeverity, descriptor.IsEnabledByDefault, helpLinkUri: $"{folder}{descriptor.Id}.md");
}
