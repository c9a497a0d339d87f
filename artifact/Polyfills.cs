#if NETSTANDARD2_0
namespace System.Runtime.CompilerServices;

// The compiler asks for this type by name to allow init accessors and records on older frameworks.
internal static class IsExternalInit;
#endif
