using System.ComponentModel;

namespace Specializer.CompilerServices;

/// <summary>Binds packed weights to the assembly whose samplers use them. The build writes it: the generator knows the weights by their manifest alone, the build task
/// has packed their content.</summary>
/// <param name="resource">Name of the embedded resource, or of the file beside the program.</param>
/// <param name="digest">Of the whole blob (docs/weights.md), 64 hexadecimal digits.</param>
[AttributeUsage(AttributeTargets.Assembly, AllowMultiple = true)]
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class PackedWeightsAttribute(string resource, string digest) : Attribute
{
    /// <summary>Name of the embedded resource, or of the file beside the program.</summary>
    public string Resource => resource;

    /// <summary>Of the whole blob, 64 hexadecimal digits.</summary>
    public string Digest => digest;
}
