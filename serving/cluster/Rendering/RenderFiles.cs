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

    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true };

    /// <summary>Name of a picture.</summary>
    /// <param name="index">Its index among those of the seed.</param>
    public static string Picture(long index) => string.Create(CultureInfo.InvariantCulture, $"{index:D10}.png");

    /// <summary>Name of the file with a unit's hashes.</summary>
    public static string Unit(PictureRange unit) => string.Create(CultureInfo.InvariantCulture, $"unit-{unit.First:D7}-{unit.Count}");

    /// <summary>A line of <see cref="Sums"/>.</summary>
    public static string Line(long index, ReadOnlySpan<byte> picture) => $"{Convert.ToHexStringLower(SHA256.HashData(picture))}  {Picture(index)}\n";

    /// <summary>The content of <see cref="Job"/>: equal for equal pictures.</summary>
    public static byte[] Describe(RenderRequest request, SamplerIdentity sampler) =>
        JsonSerializer.SerializeToUtf8Bytes(request with { Sampler = sampler.Name, Hash = sampler.Hash }, s_json);

    /// <summary>Puts the units' hashes together, and removes what is no longer needed.</summary>
    /// <exception cref="InvalidDataException">Hashes are missing in the store.</exception>
    public static async Task Finish(IPictureStore store, string job, IReadOnlyCollection<PictureRange> units, int count, CancellationToken cancellation)
    {
        using var sums = new MemoryStream();
        int next = 0;
        foreach (PictureRange unit in units.OrderBy(u => u.First))
        {
            if (unit.First != next) throw new InvalidDataException($"unit {unit.First} follows picture {next}");
            byte[] hashes = await store.ReadAsync(job, Unit(unit), cancellation) ?? throw new InvalidDataException($"{Unit(unit)} is missing in the store");
            if (hashes.AsSpan().Count((byte)'\n') != unit.Count) throw new InvalidDataException($"{Unit(unit)} does not have {unit.Count} lines");
            sums.Write(hashes);
            next = unit.End;
        }

        if (next != count) throw new InvalidDataException($"units end at picture {next} of {count}");
        await store.WriteAsync(job, Sums, sums.ToArray(), cancellation);
        foreach (PictureRange unit in units) await store.DeleteAsync(job, Unit(unit), cancellation);
    }

    /// <summary>The bytes of a unit's file.</summary>
    public static byte[] Hashes(IEnumerable<string> lines) => Encoding.ASCII.GetBytes(string.Concat(lines));
}
