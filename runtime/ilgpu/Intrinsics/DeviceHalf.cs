using ILGPU;

namespace Specializer.Ilgpu.Intrinsics;

/// <summary>FP16 in integer arithmetic, two numbers a word: the same bits on every device, whatever its instructions.</summary>
internal static class DeviceHalf
{
    private const int Sign = 0x8000, LargestAsFloat = 0x477FE000, SmallestNormalAsFloat = 0x38800000, InfinityAsFloat = 0x7F800000;

    public static int Pack(float low, float high) => FromFloat(low) | FromFloat(high) << 16;

    public static float Low(int pair) => ToFloat(pair & 0xFFFF);

    public static float High(int pair) => ToFloat((int)((uint)pair >> 16));

    /// <summary>A number of a row of them.</summary>
    public static float At(ArrayView<int> pairs, long index) => ToFloat(pairs[index / 2] >> (int)(index % 2) * 16 & 0xFFFF);

    /// <summary>To nearest, ties to even; what is too large becomes the largest finite number.</summary>
    public static int FromFloat(float x)
    {
        int bits = (int)Interop.FloatAsInt(x), sign = bits >> 16 & Sign, magnitude = bits & 0x7FFFFFFF;
        if (magnitude > InfinityAsFloat) return 0x7E00;
        if (magnitude > LargestAsFloat) magnitude = LargestAsFloat;
        // At 0.5 the last bit of an FP32 number is worth what the last bit of a subnormal FP16 number is.
        if (magnitude < SmallestNormalAsFloat)
            return sign | (int)Interop.FloatAsInt(Interop.IntAsFloat((uint)magnitude) + 0.5f) - 0x3F000000;
        return sign | magnitude + (magnitude >> 13 & 1) + 0xFFF - (112 << 23) >> 13;
    }

    private static float ToFloat(int half)
    {
        int sign = (half & Sign) << 16, magnitude = (half & 0x7FFF) << 13;
        float value = Interop.IntAsFloat((uint)(magnitude + (112 << 23)));
        // Subnormal numbers have no leading one; not-a-number has the largest exponent here, too.
        if (magnitude < 1 << 23) value = Interop.IntAsFloat((uint)(magnitude + (113 << 23))) - Interop.IntAsFloat(113u << 23);
        if (magnitude >= 31 << 23) value = Interop.IntAsFloat((uint)(magnitude + (224 << 23)));
        return Interop.IntAsFloat(Interop.FloatAsInt(value) | (uint)sign);
    }
}
