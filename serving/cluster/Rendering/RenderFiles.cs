using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Specializer.Cluster;

/// <summary>A job's files in the store: <c>0000000012.png</c> for the picture of index 12, <c>unit-…</c> for the hashes of a unit, at the end <c>SHA256SUMS</c> for those of all
/// (<c>sha256sum --check</c> reads it), and <c>job.json</c>, which says what was asked for.</summary>
internal static class RenderFiles
{
    /// <summary>Hashes of all pictures, in order.</summary>
    public const string Sums = "SHA256SUMS";

    /// <summary>What was asked for, and of which sampler.</summary>
    public const string Job = "job.json";

    private const string UnitPrefix = "unit-";

    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true };

    /// <summary>Name of a picture.</summary>
    /// <param name="index">Its index among those of the seed.</param>
    public static string Picture(long index) => string.Create(CultureInfo.InvariantCulture, $"{index:D10}.png");

    /// <summary>Name of the file with a unit's hashes.</summary>
    public static string Unit(PictureRange unit) => string.Create(CultureInfo.InvariantCulture, $"{UnitPrefix}{unit.First:D7}-{unit.Count}");

    /// <summary>A line of <see cref="Sums"/>.</summary>
    public static string Line(long index, ReadOnlySpan<byte> picture) => $"{Convert.ToHexStringLower(SHA256.HashData(picture))}  {Picture(index)}\n";

    /// <summary>The content of <see cref="Job"/>: equal for equal pictures.</summary>
    public static byte[] Describe(RenderRequest request, SamplerIdentity sampler) =>
        JsonSerializer.SerializeToUtf8Bytes(request with { Sampler = sampler.Name, Hash = sampler.Hash }, s_json);

    /// <summary>Puts the units' hashes together, and removes what is no longer needed. A unit that was handed out again may have left files of both: whichever they are, they say the same of a picture.</summary>
    /// <exception cref="InvalidDataException">Hashes are missing in the store.</exception>
    public static async Task Finish(IPictureStore store, string job, int count, CancellationToken cancellation)
    {
        PictureRange[] units = [.. (await store.ListAsync(job, UnitPrefix, cancellation)).Select(UnitOf).OfType<PictureRange>().OrderBy(u => u.First)];
        using var sums = new MemoryStream();
        int next = 0;
        foreach (PictureRange unit in units.Where(u => u.End <= count))
        {
            if (unit.End <= next) continue;
            if (unit.First > next) break;
            byte[] hashes = await store.ReadAsync(job, Unit(unit), cancellation) ?? throw new InvalidDataException($"{Unit(unit)} is missing in the store");
            if (hashes.AsSpan().Count((byte)'\n') != unit.Count) throw new InvalidDataException($"{Unit(unit)} does not have {unit.Count} lines");
            int known = 0;
            for (int i = unit.First; i < next; i++) known += hashes.AsSpan(known).IndexOf((byte)'\n') + 1;
            sums.Write(hashes.AsSpan(known));
            next = unit.End;
        }

        if (next != count) throw new InvalidDataException($"the hashes of picture {next} of {count} are missing in the store");
        await store.WriteAsync(job, Sums, sums.ToArray(), cancellation);
        foreach (PictureRange unit in units) await store.DeleteAsync(job, Unit(unit), cancellation);
    }

    /// <summary>The unit of a file's name; null for other names.</summary>
    private static PictureRange? UnitOf(string name)
    {
        string[] parts = name[UnitPrefix.Length..].Split('-');
        return parts.Length == 2 && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int first) && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int count)
            && new PictureRange(first, count) is var unit && Unit(unit) == name ? unit : null;
    }

    /// <summary>The bytes of a unit's file.</summary>
    public static byte[] Hashes(IEnumerable<string> lines) => Encoding.ASCII.GetBytes(string.Concat(lines));
}
