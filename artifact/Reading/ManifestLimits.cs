namespace Specializer.Manifest;

/// <summary>Caps that real networks stay far below, checked before anything is allocated. They keep every product of sizes within 64 bits
/// and the buffer plan, whose time grows with the square of the maps, within seconds.</summary>
internal static class ManifestLimits
{
    public const int Height = 4096;
    public const int Width = 4096;
    public const int Channels = 65536;
    /// <summary>Of an image: their correction stands as literals in every step.</summary>
    public const int ImageChannels = 64;
    public const int Maps = 8192;
    public const int Operations = 8192;
    public const int Steps = 4096;
    public const int Encoders = 16;
    /// <summary>Of a text encoder.</summary>
    public const int TextLayers = 256;
    /// <summary>Bytes of a tokenizer's file.</summary>
    public const int TextBytes = 64 << 20;
    /// <summary>Inputs, or outputs, of a network.</summary>
    public const int Ends = 64;
    /// <summary>Of a scheduler.</summary>
    public const int Settings = 64;
    /// <summary>Pairs of bit widths.</summary>
    public const int Statistics = 16;
    public const int KernelSize = 15;
    public const int Classes = 1 << 20;
    /// <summary>Of a table or codebook.</summary>
    public const int Rows = 1 << 20;
    public const int Vectors = 1 << 22;
    public const long Parameters = 1L << 40;
    public const long WeightBytes = 1L << 40;
}
