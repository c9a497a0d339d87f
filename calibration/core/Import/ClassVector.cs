namespace Specializer.Calibration;

/// <summary>How a label becomes an embedding without a stored table (<c>class_embed_type</c>).</summary>
/// <param name="Type">As diffusers names it.</param>
/// <param name="Channels">Numbers that the network reads of a label.</param>
internal sealed record ClassVector(string Type, int Channels)
{
    /// <summary>The property.</summary>
    public const string Key = "class_embed_type";

    /// <summary>A number, which becomes what a timestep of that number does, and goes through an MLP of its own.</summary>
    public const string Timestep = "timestep";

    /// <summary>The embedding itself.</summary>
    public const string Identity = "identity";

    /// <summary>A vector, which goes through an MLP.</summary>
    public const string Projection = "projection";

    /// <summary>A vector, which goes through one linear layer.</summary>
    public const string SimpleProjection = "simple_projection";

    /// <summary>The property's value.</summary>
    public string Json => $"\"{Type}\"";
}
