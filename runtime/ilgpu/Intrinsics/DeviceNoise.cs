using Specializer.Ilgpu.Kernels;

namespace Specializer.Ilgpu.Intrinsics;

/// <summary>What identifies the noise that an image is given.</summary>
internal struct NoiseKey
{
    public ulong Seed;
    /// <summary>Index of the image.</summary>
    public ulong Image;
    public int Step;
}

/// <summary>Specializer.Numerics.GaussianNoise for the four elements of one counter.</summary>
internal static class DeviceNoise
{
    public static Quad<float> Draw(NoiseKey key, int counter)
    {
        uint c0 = (uint)counter, c1 = (uint)key.Step, c2 = (uint)key.Image, c3 = (uint)(key.Image >> 32);
        // Sums of 64 bits stay in range: OpenCL promises nothing for those that leave it.
        ulong k0 = (uint)key.Seed, k1 = key.Seed >> 32;
        for (int round = 0; round < 10; round++)
        {
            ulong product0 = ExactMath.Product(c0, 0xD2511F53), product1 = ExactMath.Product(c2, 0xCD9E8D57);
            uint n0 = (uint)(product1 >> 32) ^ c1 ^ (uint)k0, n2 = (uint)(product0 >> 32) ^ c3 ^ (uint)k1;
            c0 = n0;
            c1 = (uint)product1;
            c2 = n2;
            c3 = (uint)product0;
            k0 += 0x9E3779B9;
            k1 += 0xBB67AE85;
        }

        // Box and Muller.
        float radius0 = Radius(c0), turns0 = Uniform(c1), radius1 = Radius(c2), turns1 = Uniform(c3);
        return new()
        {
            A = ExactMath.Multiply(radius0, DeviceFunctions.CosTurns(turns0)), B = ExactMath.Multiply(radius0, DeviceFunctions.SinTurns(turns0)),
            C = ExactMath.Multiply(radius1, DeviceFunctions.CosTurns(turns1)), D = ExactMath.Multiply(radius1, DeviceFunctions.SinTurns(turns1)),
        };
    }

    private static float Radius(uint word) => MathF.Sqrt(ExactMath.Multiply(-2f, DeviceFunctions.Log(Uniform(word))));

    /// <summary>The middle of one of 2^23 equal parts of (0, 1); exact.</summary>
    private static float Uniform(uint word) => (int)(word >> 9) * (1f / (1 << 23)) + 1f / (1 << 24);
}
