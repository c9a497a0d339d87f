using System.Text.Json;
using Specializer.Formats;

namespace Specializer.Calibration.Tests;

/// <summary>Weights as F16, which the writer of this project does not write.</summary>
internal static class HalfPrecision
{
    public static void Write(string source, string target)
    {
        using SafetensorsFile file = SafetensorsFile.Open(source);
        var header = new Dictionary<string, object>();
        using var data = new MemoryStream();
        foreach (var (name, entry) in file.Entries)
        {
            long start = data.Length;
            foreach (float value in file.ReadFloats(name)) data.Write(BitConverter.GetBytes((Half)value));
            header.Add(name, new { dtype = "F16", shape = entry.Shape, data_offsets = (long[])[start, data.Length] });
        }

        byte[] json = JsonSerializer.SerializeToUtf8Bytes(header);
        System.IO.File.WriteAllBytes(target, [.. BitConverter.GetBytes((long)json.Length), .. json, .. data.ToArray()]);
    }
}
