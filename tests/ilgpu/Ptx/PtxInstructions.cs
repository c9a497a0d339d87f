using System.Runtime.CompilerServices;

namespace Specializer.Ilgpu.Tests.Ptx;

/// <summary>What one thread's instructions do. Registers hold bits; 32-bit results are zero-extended.</summary>
internal static unsafe class PtxInstructions
{
    private delegate ulong Unary(ulong x);
    private delegate ulong Binary(ulong x, ulong y);
    private delegate ulong Ternary(ulong x, ulong y, ulong z);

    private static readonly Dictionary<string, Unary> UnaryOperations = new()
    {
        ["cvt.s64.s32"] = x => (ulong)(int)x, ["cvt.u32.u64"] = x => (uint)x, ["cvt.u8.u32"] = x => (byte)x, ["cvt.u64.u32"] = x => (uint)x, ["cvt.s32.s64"] = x => (uint)x,
        ["cvt.rn.f32.s32"] = x => F((int)x), ["cvt.rn.f64.s32"] = x => D((int)x), ["cvt.f64.f32"] = x => D(F(x)), ["cvt.rn.f32.f64"] = x => F((float)D(x)), ["cvt.rzi.s32.f32"] = x => (uint)(int)F(x),
        ["neg.f32"] = x => F(-F(x)), ["neg.f64"] = x => D(-D(x)), ["neg.s32"] = x => (uint)-(int)x,
        ["rcp.rn.f32"] = x => F(1f / F(x)), ["rcp.rn.f64"] = x => D(1 / D(x)), ["sqrt.rn.f32"] = x => F(MathF.Sqrt(F(x))), ["sqrt.rn.f64"] = x => D(Math.Sqrt(D(x))),
        ["not.pred"] = x => x ^ 1, ["not.b32"] = x => (uint)~x, ["cvta.to.global.u64"] = x => x,
    };

    private static readonly Dictionary<string, Binary> BinaryOperations = new()
    {
        ["add.s32"] = (x, y) => (uint)(x + y), ["add.s64"] = (x, y) => x + y, ["add.u64"] = (x, y) => x + y, ["add.f32"] = (x, y) => F(F(x) + F(y)), ["add.f64"] = (x, y) => D(D(x) + D(y)),
        ["sub.s32"] = (x, y) => (uint)(x - y), ["sub.s64"] = (x, y) => x - y, ["sub.f32"] = (x, y) => F(F(x) - F(y)), ["sub.f64"] = (x, y) => D(D(x) - D(y)),
        ["mul.lo.s32"] = (x, y) => (uint)(x * y), ["mul.lo.u32"] = (x, y) => (uint)(x * y), ["mul.lo.s64"] = (x, y) => x * y, ["mul.lo.u64"] = (x, y) => x * y,
        ["mul.wide.u32"] = (x, y) => (ulong)(uint)x * (uint)y, ["mul.f32"] = (x, y) => F(F(x) * F(y)), ["mul.f64"] = (x, y) => D(D(x) * D(y)),
        ["mul.rn.f32"] = (x, y) => F(F(x) * F(y)), ["mul.rn.f64"] = (x, y) => D(D(x) * D(y)),
        ["div.s32"] = (x, y) => (uint)((int)x / (int)y), ["rem.s32"] = (x, y) => (uint)((int)x % (int)y), ["div.s64"] = (x, y) => (ulong)((long)x / (long)y), ["rem.s64"] = (x, y) => (ulong)((long)x % (long)y),
        ["div.rn.f32"] = (x, y) => F(F(x) / F(y)), ["div.rn.f64"] = (x, y) => D(D(x) / D(y)),
        // What is shifted further than there are bits is gone, unlike in C#.
        ["shl.b32"] = (x, y) => (uint)y < 32 ? (uint)x << (int)y : 0, ["shl.b64"] = (x, y) => (uint)y < 64 ? x << (int)y : 0,
        ["shr.u32"] = (x, y) => (uint)y < 32 ? (uint)x >> (int)y : 0, ["shr.u64"] = (x, y) => (uint)y < 64 ? x >> (int)y : 0,
        ["shr.s32"] = (x, y) => (uint)((int)x >> (int)Math.Min((uint)y, 31)), ["shr.s64"] = (x, y) => (ulong)((long)x >> (int)Math.Min((uint)y, 63)),
        ["and.b32"] = (x, y) => (uint)(x & y), ["or.b32"] = (x, y) => (uint)(x | y), ["xor.b32"] = (x, y) => (uint)(x ^ y), ["and.b64"] = (x, y) => x & y, ["or.b64"] = (x, y) => x | y,
        ["and.pred"] = (x, y) => x & y, ["or.pred"] = (x, y) => x | y, ["xor.pred"] = (x, y) => x ^ y,
        ["min.s32"] = (x, y) => (uint)Math.Min((int)x, (int)y), ["max.s32"] = (x, y) => (uint)Math.Max((int)x, (int)y), ["max.f32"] = (x, y) => F(float.MaxNumber(F(x), F(y))), ["min.f32"] = (x, y) => F(float.MinNumber(F(x), F(y))),
    };

    private static readonly Dictionary<string, Ternary> TernaryOperations = new()
    {
        ["fma.rn.f32"] = (x, y, z) => F(MathF.FusedMultiplyAdd(F(x), F(y), F(z))),
        ["mad.lo.s32"] = (x, y, z) => (uint)(x * y + z), ["mad.lo.u64"] = (x, y, z) => x * y + z, ["mad.lo.s64"] = (x, y, z) => x * y + z,
        ["dp4a.u32.s32"] = Dot,
    };

    /// <summary>The effect of an instruction, or null for one at which threads synchronise.</summary>
    public static Action<Lane>? Compile(PtxInstruction i)
    {
        string name = i.Name;
        PtxOperand[] o = i.Operands;
        if (name.StartsWith("mma.", StringComparison.Ordinal) || name.StartsWith("ldmatrix.", StringComparison.Ordinal) || name is "bar.sync" or "bar.warp.sync")
            return i.Predicate == null ? null : throw new NotSupportedException($"{name} with a predicate.");
        if (name is "bra" or "bra.uni") return _ => { };
        if (name == "ret") return lane => lane.Done = true;
        if (name.StartsWith("mov.", StringComparison.Ordinal)) return Write(o[0], Read(o[1], Is32(name)));
        if (name.StartsWith("setp.", StringComparison.Ordinal)) return Comparison(name.Split('.'), o);
        if (name.StartsWith("selp.", StringComparison.Ordinal))
        {
            (Func<Lane, ulong> x, Func<Lane, ulong> y, Func<Lane, ulong> p) = (Read(o[1], Is32(name)), Read(o[2], Is32(name)), Read(o[3], false));
            return Write(o[0], lane => p(lane) != 0 ? x(lane) : y(lane));
        }

        if (name.StartsWith("cp.async.", StringComparison.Ordinal)) return Copy(name, o);
        if (i.IsMemoryAccess) return name[0] == 'l' ? Load(i, o) : Store(i, o);
        if (UnaryOperations.TryGetValue(name, out Unary? unary))
        {
            Func<Lane, ulong> x = Read(o[1], false);
            return Write(o[0], lane => unary(x(lane)));
        }

        if (BinaryOperations.TryGetValue(name, out Binary? binary))
        {
            (Func<Lane, ulong> x, Func<Lane, ulong> y) = (Read(o[1], Is32(name)), Read(o[2], Is32(name)));
            return Write(o[0], lane => binary(x(lane), y(lane)));
        }

        if (TernaryOperations.TryGetValue(name, out Ternary? ternary))
        {
            (Func<Lane, ulong> x, Func<Lane, ulong> y, Func<Lane, ulong> z) = (Read(o[1], Is32(name)), Read(o[2], Is32(name)), Read(o[3], Is32(name)));
            return Write(o[0], lane => ternary(x(lane), y(lane), z(lane)));
        }

        throw new NotSupportedException($"PTX instruction {name} is not part of the subset that the machine runs.");
    }

    private static Action<Lane> Comparison(string[] name, PtxOperand[] o)
    {
        Func<Lane, ulong> x = Read(o[1], name[2].EndsWith("32", StringComparison.Ordinal)), y = Read(o[2], name[2].EndsWith("32", StringComparison.Ordinal));
        if (name[2][0] == 'f')
        {
            bool single = name[2] == "f32";
            double Value(ulong bits) => single ? F(bits) : D(bits);
            bool unordered = name[1].Length == 3;
            return Write(o[0], lane =>
            {
                double a = Value(x(lane)), b = Value(y(lane));
                if (double.IsNaN(a) || double.IsNaN(b)) return unordered ? 1UL : 0;
                return Holds(name[1][..2], a.CompareTo(b) is var c && a == b ? 0 : c);
            });
        }

        return Write(o[0], name[2] switch
        {
            "s32" => lane => Holds(name[1], ((int)x(lane)).CompareTo((int)y(lane))),
            "s64" => lane => Holds(name[1], ((long)x(lane)).CompareTo((long)y(lane))),
            _ => lane => Holds(name[1], x(lane).CompareTo(y(lane))),
        });
    }

    private static ulong Holds(string relation, int comparison) => relation switch
    {
        "eq" => comparison == 0,
        "ne" => comparison != 0,
        "lt" or "lo" => comparison < 0,
        "le" or "ls" => comparison <= 0,
        "gt" or "hi" => comparison > 0,
        "ge" or "hs" => comparison >= 0,
        _ => throw new NotSupportedException($"Comparison {relation}."),
    } ? 1UL : 0;

    private static Action<Lane> Copy(string name, PtxOperand[] o)
    {
        if (name == "cp.async.commit_group") return lane => lane.Commit();
        if (name == "cp.async.wait_group") return lane => lane.Wait((int)o[0].Immediate);
        Func<Lane, ulong> to = Read(o[0], false), from = Read(o[1], false);
        return lane => lane.CopyLater(to(lane), from(lane));
    }

    private static Action<Lane> Load(PtxInstruction i, PtxOperand[] o)
    {
        int[] targets = o[0].Vector.Length == 0 ? [o[0].Register] : o[0].Vector;
        int bytes = i.AccessBytes, offset = o[1].Offset, all = bytes * targets.Length;
        // Narrower ones would have to be extended with or without the sign.
        if (bytes is not (4 or 8)) throw new NotSupportedException(i.Name);
        bool shared = i.Name.Contains(".shared", StringComparison.Ordinal), parameter = i.Name.Contains(".param", StringComparison.Ordinal);
        Func<Lane, ulong> address = Read(o[1], false);
        return lane =>
        {
            ulong at = address(lane) + (ulong)offset;
            if (at % (uint)all != 0) throw new InvalidOperationException($"{i.Name} from {at:x} is not aligned.");
            if (shared) lane.Checker.ReadShared(lane, at, all);
            else if (!parameter) lane.Checker.ReadGlobal(lane, at, all);
            fixed (byte* parameters = lane.Parameters, memory = lane.Shared)
            {
                byte* from = parameter ? In(parameters, lane.Parameters.Length, at, all) : shared ? memory + at : (byte*)at;
                foreach (int target in targets)
                {
                    lane.Registers[target] = bytes == 8 ? *(ulong*)from : *(uint*)from;
                    from += bytes;
                }
            }
        };
    }

    private static Action<Lane> Store(PtxInstruction i, PtxOperand[] o)
    {
        Func<Lane, ulong>[] values = o[1].Vector.Length == 0 ? [Read(o[1], false)] : [.. o[1].Vector.Select(r => (Func<Lane, ulong>)(lane => lane.Registers[r]))];
        int bytes = i.AccessBytes, offset = o[0].Offset, all = bytes * values.Length;
        bool shared = i.Name.Contains(".shared", StringComparison.Ordinal);
        // Shared memory is checked by words.
        if (bytes is not (1 or 4 or 8) || shared && bytes < 4) throw new NotSupportedException(i.Name);
        Func<Lane, ulong> address = Read(o[0], false);
        return lane =>
        {
            ulong at = address(lane) + (ulong)offset;
            if (at % (uint)all != 0) throw new InvalidOperationException($"{i.Name} to {at:x} is not aligned.");
            if (shared) lane.Checker.WriteShared(lane, at, all);
            else lane.Checker.WriteGlobal(lane, at, all);
            fixed (byte* memory = lane.Shared)
            {
                byte* to = shared ? memory + at : (byte*)at;
                foreach (Func<Lane, ulong> value in values)
                {
                    if (bytes == 8) *(ulong*)to = value(lane);
                    else if (bytes == 4) *(uint*)to = (uint)value(lane);
                    else *to = (byte)value(lane);
                    to += bytes;
                }
            }
        };
    }

    private static byte* In(byte* memory, int length, ulong at, int bytes) => at + (ulong)bytes <= (ulong)length ? memory + at
        : throw new InvalidOperationException($"{bytes} bytes at {at} lie outside a space of {length}.");

    private static Func<Lane, ulong> Read(PtxOperand o, bool narrow)
    {
        if (o.Register >= 0)
        {
            int register = o.Register;
            return lane => lane.Registers[register];
        }

        if (o.Text[0] == '%') return lane => lane.Special(o.Text);
        ulong value = narrow ? (uint)o.Immediate : o.Immediate;
        return _ => value;
    }

    private static Action<Lane> Write(PtxOperand o, Func<Lane, ulong> value)
    {
        int register = o.Register;
        return lane => lane.Registers[register] = value(lane);
    }

    private static bool Is32(string name) => name.EndsWith("32", StringComparison.Ordinal);

    private static ulong Dot(ulong x, ulong y, ulong sum)
    {
        int result = (int)sum;
        for (int shift = 0; shift < 32; shift += 8) result += (byte)(x >> shift) * (sbyte)(y >> shift);
        return (uint)result;
    }

    private static float F(ulong bits) => BitConverter.UInt32BitsToSingle((uint)bits);

    private static ulong F(float value) => BitConverter.SingleToUInt32Bits(value);

    private static double D(ulong bits) => BitConverter.UInt64BitsToDouble(bits);

    private static ulong D(double value) => BitConverter.DoubleToUInt64Bits(value);
}
