using System.Globalization;
using System.Text.RegularExpressions;

namespace Specializer.Ilgpu.Tests.Ptx;

/// <summary>A kernel's PTX, read for <see cref="PtxMachine"/>: the subset that ILGPU prints for our kernels, and the instructions we add.</summary>
internal sealed partial class PtxProgram
{
    private readonly Dictionary<string, int> _registers = [];
    private readonly Dictionary<string, int> _labels = [];

    public PtxProgram(string ptx)
    {
        string entry = ptx[ptx.IndexOf(".visible .entry", StringComparison.Ordinal)..];
        Match parameter = ParameterPattern().Match(entry);
        ParameterBytes = int.Parse(parameter.Groups[1].Value, CultureInfo.InvariantCulture);
        SharedBytes = PtxKernels.SharedBytes(entry);
        var instructions = new List<PtxInstruction>();
        foreach (string raw in entry[entry.IndexOf('{')..].Split('\n'))
        {
            string line = raw.Trim();
            if (line.Length == 0 || line is "{" or "}" || line.StartsWith("//", StringComparison.Ordinal) || line[0] == '.') continue;
            if (line[^1] == ':') _labels[line[..^1]] = instructions.Count;
            else instructions.Add(Parse(line.TrimEnd(';')));
        }

        Instructions = [.. instructions];
        foreach (PtxInstruction i in Instructions.Where(i => i.Name is "bra" or "bra.uni")) i.Target = _labels[i.Operands[0].Text];
    }

    public PtxInstruction[] Instructions { get; }
    public int RegisterCount => _registers.Count;
    public int ParameterBytes { get; }
    public int SharedBytes { get; }

    private PtxInstruction Parse(string line)
    {
        int? predicate = null;
        bool negated = false;
        if (line[0] == '@')
        {
            int space = line.IndexOf(' ');
            negated = line[1] == '!';
            predicate = Register(line[(negated ? 2 : 1)..space]);
            line = line[(space + 1)..].Trim();
        }

        int end = line.IndexOfAny([' ', '\t']);
        string name = end < 0 ? line : line[..end];
        PtxOperand[] operands = end < 0 ? [] : [.. OperandPattern().Matches(line[end..]).Select(m => Operand(m.Value.Trim()))];
        return new(name, operands, predicate, negated);
    }

    private PtxOperand Operand(string text)
    {
        if (text[0] == '{') return new(text) { Vector = [.. text[1..^1].Split(',').Select(r => Register(r.Trim()))] };
        if (text[0] != '[') return Scalar(text);
        string[] parts = text[1..^1].Split('+');
        // The only parameter and the only shared array start at 0.
        return Scalar(parts[0][0] == '%' || RegisterPattern().IsMatch(parts[0]) ? parts[0] : "0") with { Text = text, Offset = parts.Length == 1 ? 0 : int.Parse(parts[1], CultureInfo.InvariantCulture) };
    }

    private PtxOperand Scalar(string text) => text switch
    {
        "tensor_tile" => new(text) { Immediate = 0 },
        _ when text.StartsWith("%tid.", StringComparison.Ordinal) || text.StartsWith("%ntid.", StringComparison.Ordinal)
            || text.StartsWith("%ctaid.", StringComparison.Ordinal) || text.StartsWith("%nctaid.", StringComparison.Ordinal) => new(text),
        _ when text[0] == '%' || RegisterPattern().IsMatch(text) => new(text) { Register = Register(text) },
        _ when text.StartsWith("0f", StringComparison.OrdinalIgnoreCase) || text.StartsWith("0d", StringComparison.OrdinalIgnoreCase)
            || text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) => new(text) { Immediate = ulong.Parse(text[2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture) },
        _ when long.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out long value) => new(text) { Immediate = (ulong)value },
        _ => new(text),
    };

    private int Register(string name)
    {
        if (!_registers.TryGetValue(name, out int index)) _registers.Add(name, index = _registers.Count);
        return index;
    }

    [GeneratedRegex(@"\.param [^\n]*\[(\d+)\]")]
    private static partial Regex ParameterPattern();

    [GeneratedRegex(@"\{[^}]*\}|\[[^\]]*\]|[^,\s]+")]
    private static partial Regex OperandPattern();

    /// <summary>Registers that our own code declares.</summary>
    [GeneratedRegex(@"^[abgps]\d*$")]
    private static partial Regex RegisterPattern();
}

/// <summary>A register, an immediate, an address, a vector of registers or a name.</summary>
internal sealed record PtxOperand(string Text)
{
    public int Register { get; init; } = -1;
    public ulong Immediate { get; init; }
    public int Offset { get; init; }
    public int[] Vector { get; init; } = [];
}

internal sealed record PtxInstruction(string Name, PtxOperand[] Operands, int? Predicate, bool Negated)
{
    public int Target { get; set; } = -1;

    /// <summary>An ordinary load or store, from wherever.</summary>
    public bool IsMemoryAccess { get; } = Name.StartsWith("ld.", StringComparison.Ordinal) || Name.StartsWith("st.", StringComparison.Ordinal);

    /// <summary>Of an element of what it loads or stores: the type behind the last dot is a letter and bits.</summary>
    public int AccessBytes => int.Parse(Name.AsSpan(Name.LastIndexOf('.') + 2), CultureInfo.InvariantCulture) / 8;

    public override string ToString() => $"{Name} {string.Join(", ", Operands.Select(o => o.Text))}".TrimEnd();
}
