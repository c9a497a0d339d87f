using System.Runtime.Intrinsics;

namespace Specializer.Kernels.Tests;

public class DotTests
{
    [Fact]
    public void Instructions_equal_plain_arithmetic()
    {
        var random = new Random(7);
        Span<byte> bytes = stackalloc byte[32];
        Span<sbyte> signed = stackalloc sbyte[32];
        Span<short> words = stackalloc short[16], others = stackalloc short[16];
        for (int round = 0; round < 1000; round++)
        {
            for (int i = 0; i < 32; i++) (bytes[i], signed[i]) = ((byte)random.Next(256), (sbyte)random.Next(-7, 8));
            for (int i = 0; i < 16; i++) (words[i], others[i]) = ((short)random.Next(-32767, 32768), (short)random.Next(-127, 128));
            Vector256<byte> a = Vector256.Create<byte>(bytes);
            Vector256<sbyte> b = Vector256.Create<sbyte>(signed);
            Vector256<short> c = Vector256.Create<short>(words), d = Vector256.Create<short>(others);
            Vector256<short> narrow = Dot.Adjacent(a, b);
            Vector256<int> wide = Dot.Adjacent(c, d);
            var sum = Vector256.Create(int.MaxValue - 5 * round);
            Vector256<int> total = Dot.Accumulate(sum, c, d);
            Assert.Equal(narrow, Dot.Plain(a, b));
            Assert.Equal(wide, Dot.Plain(c, d));
            Assert.Equal(Vector512.Create(narrow, -narrow), Dot.Adjacent(Vector512.Create(a, a), Vector512.Create(b, -b)));
            Assert.Equal(Vector512.Create(wide, -wide), Dot.Adjacent(Vector512.Create(c, c), Vector512.Create(d, -d)));
            for (int i = 0; i < 16; i++) Assert.Equal(bytes[2 * i] * signed[2 * i] + bytes[2 * i + 1] * signed[2 * i + 1], narrow[i]);
            for (int i = 0; i < 8; i++) Assert.Equal(words[2 * i] * others[2 * i] + words[2 * i + 1] * others[2 * i + 1], wide[i]);
            for (int i = 0; i < 8; i++) Assert.Equal(unchecked(int.MaxValue - 5 * round + wide[i]), total[i]);
        }
    }
}
