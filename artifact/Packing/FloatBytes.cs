namespace Specializer.Packing;

/// <summary>Checks on little-endian FP16 and FP32 numbers by their bits.</summary>
internal static class FloatBytes
{
    /// <exception cref="WeightsException">An FP16 number is NaN or infinite.</exception>
    public static void CheckFinite16(string name, byte[] bytes)
    {
        // All five exponent bits set means NaN or infinity.
        for (int i = 0; i < bytes.Length; i += 2)
            if ((bytes[i + 1] & 0x7C) == 0x7C) throw NotFinite(name, i / 2);
    }

    /// <exception cref="WeightsException">An FP32 number is NaN or infinite.</exception>
    public static void CheckFinite32(string name, byte[] bytes)
    {
        for (int i = 0; i < bytes.Length; i += 4)
            if (!IsFinite(bytes, i)) throw NotFinite(name, i / 4);
    }

    /// <exception cref="WeightsException">An FP32 number is NaN, infinite, zero or negative.</exception>
    public static void CheckPositive(string name, byte[] bytes)
    {
        for (int i = 0; i < bytes.Length; i += 4)
        {
            bool negative = (bytes[i + 3] & 0x80) != 0;
            bool zero = (bytes[i] | bytes[i + 1] | bytes[i + 2] | bytes[i + 3]) == 0;
            if (IsFinite(bytes, i) && !negative && !zero) continue;
            throw new WeightsException($"The tensor '{name}' holds a scale at element {i / 4} that is not a finite number above 0. Calibrate the model again.");
        }
    }

    private static WeightsException NotFinite(string name, int element) =>
        new($"The tensor '{name}' holds NaN or infinity at element {element}; every number must be finite. Calibrate the model again.");

    // All eight exponent bits set means NaN or infinity.
    private static bool IsFinite(byte[] bytes, int i) => (bytes[i + 3] & 0x7F) != 0x7F || (bytes[i + 2] & 0x80) == 0;
}
