using Microsoft.CodeAnalysis;
using Specializer.Manifest;

namespace Specializer.Generator.Diagnostics;

/// <summary>All diagnostics of the generator; docs/diagnostics has a page on each.</summary>
internal static class Descriptors
{
    public const string OptionId = "SPZ020";
    public const string DuplicateTypeId = "SPZ021";
    public const string UnreadableId = "SPZ022";
    public const string RuntimeId = "SPZ023";
    public const string LanguageId = "SPZ024";
    public const string OneHalfId = "SPZ025";
    public const string HiddenNameId = "SPZ026";

    public static readonly DiagnosticDescriptor Syntax = Error(ManifestErrorId.Syntax, "The manifest is not valid JSON");
    public static readonly DiagnosticDescriptor UnknownProperty = Error(ManifestErrorId.UnknownProperty, "Unknown property");
    public static readonly DiagnosticDescriptor MissingProperty = Error(ManifestErrorId.MissingProperty, "Missing property");
    public static readonly DiagnosticDescriptor WrongKind = Error(ManifestErrorId.WrongKind, "Wrong kind of value");
    public static readonly DiagnosticDescriptor SchemaVersion = Error(ManifestErrorId.SchemaVersion, "Unsupported schema version");
    public static readonly DiagnosticDescriptor Name = Error(ManifestErrorId.Name, "Name with characters that are not allowed");
    public static readonly DiagnosticDescriptor Choice = Error(ManifestErrorId.Choice, "Value is none of the possible ones");
    public static readonly DiagnosticDescriptor Range = Error(ManifestErrorId.Range, "Number out of range");
    public static readonly DiagnosticDescriptor Length = Error(ManifestErrorId.Length, "Wrong number of elements");
    public static readonly DiagnosticDescriptor Duplicate = Error(ManifestErrorId.Duplicate, "Name used twice");
    public static readonly DiagnosticDescriptor UnknownMap = Error(ManifestErrorId.UnknownMap, "Unknown map");
    public static readonly DiagnosticDescriptor DataFlow = Error(ManifestErrorId.DataFlow, "Operations in an impossible order");
    public static readonly DiagnosticDescriptor Shape = Error(ManifestErrorId.Shape, "Shapes do not fit");
    public static readonly DiagnosticDescriptor ElementType = Error(ManifestErrorId.ElementType, "Element types do not fit");
    public static readonly DiagnosticDescriptor Limit = Error(ManifestErrorId.Limit, "Beyond a limit");
    public static readonly DiagnosticDescriptor Contradiction = Error(ManifestErrorId.Contradiction, "Facts contradict each other");
    public static readonly DiagnosticDescriptor Encoding = Error(ManifestErrorId.Encoding, "The manifest is not UTF-8 without byte order mark");
    public static readonly DiagnosticDescriptor Solver = Error(ManifestErrorId.Solver, "The solver cannot be run");
    public static readonly DiagnosticDescriptor Option = Error(OptionId, "Metadata of the item is not possible");
    public static readonly DiagnosticDescriptor DuplicateType = Error(DuplicateTypeId, "Two manifests generate the same type");
    public static readonly DiagnosticDescriptor Unreadable = Error(UnreadableId, "The manifest cannot be read");
    public static readonly DiagnosticDescriptor Runtime = Error(RuntimeId, "Specializer.Runtime is not referenced");
    public static readonly DiagnosticDescriptor Language = Error(LanguageId, "The project's version of C# is too old");
    public static readonly DiagnosticDescriptor OneHalf = Error(OneHalfId, "Project and compiler disagree about the manifests");
    public static readonly DiagnosticDescriptor HiddenName =
        new(HiddenNameId, "The namespace hides the class", "{0}", "Specializer", DiagnosticSeverity.Warning, isEnabledByDefault: true);
    public static readonly DiagnosticDescriptor Internal = Error(ManifestErrorId.Internal, "Internal error");

    public static IReadOnlyList<DiagnosticDescriptor> All { get; } =
    [
        Syntax, UnknownProperty, MissingProperty, WrongKind, SchemaVersion, Name, Choice, Range, Length, Duplicate, UnknownMap, DataFlow, Shape,
        ElementType, Limit, Contradiction, Encoding, Solver, Option, DuplicateType, Unreadable, Runtime, Language, OneHalf, HiddenName, Internal,
    ];

    public static DiagnosticDescriptor Of(string id) => All.FirstOrDefault(d => d.Id == id) ?? Internal;

    private static DiagnosticDescriptor Error(string id, string title) =>
        new(id, title, "{0}", "Specializer", DiagnosticSeverity.Error, isEnabledByDefault: true);
}
