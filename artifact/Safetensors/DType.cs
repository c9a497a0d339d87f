namespace Specializer.Formats;

/// <summary>Element types of a safetensors file, by the names the format gives them.</summary>
public enum DType
{
    /// <summary>One byte, 0 or 1.</summary>
    Bool,
    /// <summary>Unsigned, 8 bits.</summary>
    U8,
    /// <summary>Signed, 8 bits.</summary>
    I8,
    /// <summary>8-bit float, 5 exponent bits.</summary>
    F8E5M2,
    /// <summary>8-bit float, 4 exponent bits.</summary>
    F8E4M3,
    /// <summary>Signed, 16 bits.</summary>
    I16,
    /// <summary>Unsigned, 16 bits.</summary>
    U16,
    /// <summary>IEEE half precision.</summary>
    F16,
    /// <summary>The upper half of a single.</summary>
    BF16,
    /// <summary>Signed, 32 bits.</summary>
    I32,
    /// <summary>Unsigned, 32 bits.</summary>
    U32,
    /// <summary>IEEE single precision.</summary>
    F32,
    /// <summary>IEEE double precision.</summary>
    F64,
    /// <summary>Signed, 64 bits.</summary>
    I64,
    /// <summary>Unsigned, 64 bits.</summary>
    U64,
}

/// <summary>Names and sizes of <see cref="DType"/>.</summary>
internal static class DTypes
{
    private static readonly (DType Type, string Name, int Size)[] Table =
    [
        (DType.Bool, "BOOL", 1), (DType.U8, "U8", 1), (DType.I8, "I8", 1), (DType.F8E5M2, "F8_E5M2", 1), (DType.F8E4M3, "F8_E4M3", 1),
        (DType.I16, "I16", 2), (DType.U16, "U16", 2), (DType.F16, "F16", 2), (DType.BF16, "BF16", 2),
        (DType.I32, "I32", 4), (DType.U32, "U32", 4), (DType.F32, "F32", 4),
        (DType.F64, "F64", 8), (DType.I64, "I64", 8), (DType.U64, "U64", 8),
    ];

    /// <summary>Bytes of an element.</summary>
    public static int Size(this DType type) => Table[(int)type].Size;

    /// <summary>The name in a file's header.</summary>
    public static string Name(this DType type) => Table[(int)type].Name;

    /// <summary>The type of that name, or null.</summary>
    public static DType? Find(string name)
    {
        foreach (var row in Table)
        {
            if (row.Name == name)
                return row.Type;
        }
        return null;
    }
}
