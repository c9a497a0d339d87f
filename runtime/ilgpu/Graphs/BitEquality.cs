using System.Linq.Expressions;
using System.Reflection;

namespace Specializer.Ilgpu.Graphs;

/// <summary>Compares kernel arguments field by field, without boxing: numbers by their bits, so that −0 is not 0, and buffers by identity. Compiled once for each
/// type, because views belong to ILGPU and compare by reflection.</summary>
internal static class BitEquality<T>
    where T : struct
{
    public delegate bool Comparison(ref T a, ref T b);

    public static readonly Comparison AreSame = Compile();

    private static Comparison Compile()
    {
        ParameterExpression a = Expression.Parameter(typeof(T).MakeByRefType()), b = Expression.Parameter(typeof(T).MakeByRefType());
        return Expression.Lambda<Comparison>(Same(a, b), a, b).Compile();
    }

    private static Expression Same(Expression a, Expression b)
    {
        Type type = a.Type;
        if (!type.IsValueType) return Expression.ReferenceEqual(a, b);
        if (type == typeof(float)) return Expression.Equal(Bits(a, nameof(BitConverter.SingleToInt32Bits)), Bits(b, nameof(BitConverter.SingleToInt32Bits)));
        if (type == typeof(double)) return Expression.Equal(Bits(a, nameof(BitConverter.DoubleToInt64Bits)), Bits(b, nameof(BitConverter.DoubleToInt64Bits)));
        if (type.IsPrimitive || type.IsEnum) return Expression.Equal(a, b);
        return type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
            .Select(field => Same(Expression.Field(a, field), Expression.Field(b, field))).Aggregate((Expression)Expression.Constant(true), Expression.AndAlso);
    }

    private static MethodCallExpression Bits(Expression value, string method) => Expression.Call(typeof(BitConverter), method, null, value);
}
