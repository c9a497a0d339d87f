using ILGPU.IR.Intrinsics;

namespace Specializer.Ilgpu.Intrinsics;

/// <summary>Operations with fixed rounding. A GPU compiler may fuse a plain product into the sum that follows; these are never touched,
/// so that kernels round where the CPU does. The bodies run on ILGPU's CPU accelerator; <see cref="DeviceIntrinsics"/> replaces them on GPUs.</summary>
internal static class ExactMath
{
    /// <summary>a·b + c, rounded once.</summary>
    [IntrinsicImplementation]
    public static float FusedMultiplyAdd(float a, float b, float c) => MathF.FusedMultiplyAdd(a, b, c);

    /// <summary>a·b, rounded.</summary>
    [IntrinsicImplementation]
    public static float Multiply(float a, float b) => a * b;

    /// <summary>a·b, rounded.</summary>
    [IntrinsicImplementation]
    public static double Multiply(double a, double b) => a * b;

    /// <summary>a·b, all 64 bits.</summary>
    [IntrinsicImplementation]
    public static ulong Product(uint a, uint b) => (ulong)a * b;

    /// <summary>sum + Σ over four bytes: unsigned activations times signed weights.</summary>
    [IntrinsicImplementation]
    public static int Dot(int activations, int weights, int sum) => PlainDot(activations, weights, sum);

    /// <summary><see cref="Dot"/> for devices without an instruction for it.</summary>
    public static int PlainDot(int activations, int weights, int sum) => sum
        + (activations & 255) * (weights << 24 >> 24) + (activations >> 8 & 255) * (weights << 16 >> 24)
        + (activations >> 16 & 255) * (weights << 8 >> 24) + (int)((uint)activations >> 24) * (weights >> 24);
}
