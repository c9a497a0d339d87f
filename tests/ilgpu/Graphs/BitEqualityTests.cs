using System.Reflection;
using ILGPU.Runtime;
using Specializer.Ilgpu.Graphs;

namespace Specializer.Ilgpu.Tests.Graphs;

public class BitEqualityTests
{
    /// <summary>Whatever field of whatever kernel's arguments changes is seen.</summary>
    [Fact]
    public void Every_field_of_every_argument_counts()
    {
        Type[] types = [.. typeof(IlgpuDevice).Assembly.GetTypes().Where(t => t is { IsValueType: true, Namespace: "Specializer.Ilgpu.Kernels" } && t.Name.EndsWith("Arguments", StringComparison.Ordinal))];
        Assert.True(types.Length >= 10, $"Only {types.Length} types were found.");
        foreach (Type type in types)
            typeof(BitEqualityTests).GetMethod(nameof(Check), BindingFlags.NonPublic | BindingFlags.Static)!.MakeGenericMethod(type).Invoke(null, null);
    }

    [Fact]
    public void Numbers_are_compared_by_their_bits()
    {
        float zero = 0f, minus = -0f, nan = float.NaN, same = float.NaN;
        Assert.False(BitEquality<float>.AreSame(ref zero, ref minus));
        Assert.True(BitEquality<float>.AreSame(ref nan, ref same));
        double one = 1, next = Math.BitIncrement(1.0);
        Assert.False(BitEquality<double>.AreSame(ref one, ref next));
    }

    private static void Check<T>()
        where T : struct
    {
        T zero = default, copy = default;
        Assert.True(BitEquality<T>.AreSame(ref zero, ref copy));
        int fields = 0;
        using IlgpuDevice device = IlgpuDevice.Cpu();
        using MemoryBuffer buffer = device.Allocate(64, "A test");
        foreach (object changed in Changed(zero, buffer))
        {
            var other = (T)changed;
            Assert.False(BitEquality<T>.AreSame(ref zero, ref other), $"{typeof(T).Name}, change {fields}");
            Assert.True(BitEquality<T>.AreSame(ref other, ref other));
            fields++;
        }

        Assert.True(fields > 1);
    }

    /// <summary>The value with one of its fields changed, one after the other, those of structs in it as well.</summary>
    private static IEnumerable<object> Changed(object value, MemoryBuffer buffer)
    {
        foreach (FieldInfo field in value.GetType().GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
        {
            IEnumerable<object> others = field.FieldType switch
            {
                { IsValueType: false } => [buffer],
                { IsEnum: true } => [Enum.ToObject(field.FieldType, 1)],
                { IsPrimitive: true } t => [Convert.ChangeType(1, t)],
                _ => Changed(field.GetValue(value)!, buffer),
            };
            foreach (object other in others)
            {
                // Each change starts from the same value.
                object copy = typeof(object).GetMethod("MemberwiseClone", BindingFlags.Instance | BindingFlags.NonPublic)!.Invoke(value, null)!;
                field.SetValue(copy, other);
                yield return copy;
            }
        }
    }
}
