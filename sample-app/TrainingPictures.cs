using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.RegularExpressions;

namespace SampleApp;

/// <summary>The pictures that the emoji model was trained on, with their captions, as NumPy keeps them: <c>pictures.npy</c> and <c>captions.npy</c> in a zip.</summary>
/// <param name="Pixels">Bytes of all pictures, one after the other, NHWC.</param>
/// <param name="Captions">Of each picture.</param>
internal sealed partial record TrainingPictures(byte[] Pixels, IReadOnlyList<string[]> Captions)
{
    private const int BytesOfCharacter = 4, MostBytes = 1 << 28;

    /// <summary>Bytes of one picture.</summary>
    public int PictureBytes => Pixels.Length / Captions.Count;

    /// <summary>Reads the file that training reads.</summary>
    /// <param name="path">emoji64.npz.</param>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public static TrainingPictures Read(string path)
    {
        using ZipArchive archive = ZipFile.OpenRead(path);
        (string type, int[] shape, byte[] pixels) = Array(archive, path, "pictures.npy");
        if (type != "|u1" || shape.Length != 4) throw new InvalidDataException($"{path}: pictures.npy is {type} of {shape.Length} dimensions; bytes of four are expected.");
        (string text, int[] captioned, byte[] characters) = Array(archive, path, "captions.npy");
        if (!text.StartsWith("<U", StringComparison.Ordinal) || captioned is not [var count] || count != shape[0])
            throw new InvalidDataException($"{path}: captions.npy is {text} of {string.Join('×', captioned)}; a text for each of {shape[0]} pictures is expected.");
        int length = characters.Length / count;
        return new(pixels, [.. Enumerable.Range(0, count).Select(i => Encoding.UTF32.GetString(characters, i * length, length).TrimEnd('\0').Split('|'))]);
    }

    private static (string Type, int[] Shape, byte[] Content) Array(ZipArchive archive, string path, string name)
    {
        ZipArchiveEntry entry = archive.GetEntry(name) ?? throw new InvalidDataException($"{path}: holds no {name}. Name the file emoji64.npz that the model was trained on.");
        if (entry.Length > MostBytes) throw new InvalidDataException($"{path}: {name} has {entry.Length} bytes; at most {MostBytes} are read.");
        using var content = new MemoryStream();
        using (Stream stream = entry.Open()) stream.CopyTo(content);
        byte[] bytes = content.ToArray();
        // Magic, version 1.0, the header's length, the header.
        if (bytes is not [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', 1, 0, ..] || bytes.Length < 10) throw new InvalidDataException($"{path}: {name} is no array of NumPy's format 1.0.");
        int start = 10 + BitConverter.ToUInt16(bytes, 8);
        Match header = Header().Match(Encoding.ASCII.GetString(bytes, 10, Math.Min(start, bytes.Length) - 10));
        if (!header.Success) throw new InvalidDataException($"{path}: the header of {name} names no type and shape of an array in C's order.");
        int[] shape = [.. header.Groups["shape"].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(s => int.Parse(s, CultureInfo.InvariantCulture))];
        string type = header.Groups["type"].Value;
        long element = type.StartsWith("<U", StringComparison.Ordinal) && int.TryParse(type.AsSpan(2), CultureInfo.InvariantCulture, out int length) ? BytesOfCharacter * length : 1;
        if (shape.Aggregate(element, (product, extent) => product * extent) != bytes.Length - start) throw new InvalidDataException($"{path}: {name} has {bytes.Length - start} bytes, not those of its shape.");
        return (type, shape, bytes[start..]);
    }

    [GeneratedRegex(@"'descr': '(?<type>[^']+)', 'fortran_order': False, 'shape': \((?<shape>[0-9, ]+)\)")]
    private static partial Regex Header();
}
