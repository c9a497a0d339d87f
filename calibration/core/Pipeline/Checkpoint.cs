using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Specializer.Formats;

namespace Specializer.Calibration;

/// <summary>What an interrupted calibration goes on from: for each phase a file with the units done, or their steps, and the state after them. Resuming gives the bytes that an
/// uninterrupted run gives, because a state is written only between steps.</summary>
/// <param name="folder">Where the artefact will lie; null to keep nothing.</param>
/// <param name="name">Of the artefact.</param>
/// <param name="identity">Everything that decides the state: another model, other options or other code start anew.</param>
/// <param name="findings">Receives word of a file that is there and cannot be used.</param>
/// <param name="prefix">Before the name of each phase, where a calibration has several solvers.</param>
internal sealed class Checkpoint(string? folder, string name, string identity, ICollection<Finding>? findings = null, string prefix = "")
{
    private const uint Magic = 0x344B5A53; // "SZK4", little-endian

    private const int BufferBytes = 1 << 16;

    /// <summary>Keeps nothing.</summary>
    public static Checkpoint None { get; } = new(null, "", "");

    private readonly byte[] _identity = SHA256.HashData(Encoding.UTF8.GetBytes(identity));
    private readonly HashSet<string> _files = new(StringComparer.Ordinal);

    /// <summary>Writes a phase's state, in one piece or not at all.</summary>
    public void Save(string phase, int units, Action<BinaryWriter> state)
    {
        if (folder is not null) AtomicFile.Write(PathOf(phase), stream => Write(stream, units, state));
    }

    /// <summary>Writes a state into a stream, which stays open.</summary>
    public void Write(Stream stream, int units, Action<BinaryWriter> state)
    {
        using var hash = SHA256.Create();
        using (var hashed = new CryptoStream(stream, hash, CryptoStreamMode.Write, leaveOpen: true))
        using (var writer = new BinaryWriter(new BufferedStream(hashed, BufferBytes)))
        {
            writer.Write(Magic);
            writer.Write(_identity);
            writer.Write(units);
            state(writer);
        }

        stream.Write(hash.Hash);
    }

    /// <summary>Reads a phase's state; returns the units done, 0 when there is none that fits.</summary>
    /// <param name="phase">The phase.</param>
    /// <param name="most">Units of the whole phase.</param>
    /// <param name="state">Reads the state after so many units. Throws <see cref="InvalidDataException"/> where it is none, and keeps nothing of it then.</param>
    public int Load(string phase, int most, Action<BinaryReader, int> state)
    {
        if (folder is null) return 0;
        Expect(phase);
        string path = PathOf(phase);
        if (!File.Exists(path)) return 0;
        using var stream = new BufferedStream(RegularFile.Open(path), BufferBytes);
        return Read(stream, Path.GetFileName(path), most, state);
    }

    /// <summary>Reads a state from a stream that can seek, from its beginning to its end, as <see cref="Load"/> does.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="file">What a finding calls it.</param>
    /// <param name="most">Units of the whole phase.</param>
    /// <param name="state">As <see cref="Load"/> takes it.</param>
    public int Read(Stream stream, string file, int most, Action<BinaryReader, int> state)
    {
        try
        {
            if (!IsWhole(stream)) throw new InvalidDataException("its end does not fit its beginning");
            var reader = new BinaryReader(stream);
            if (reader.ReadUInt32() != Magic || !reader.ReadBytes(_identity.Length).AsSpan().SequenceEqual(_identity))
                throw new InvalidDataException("it is of another model, other options or another build of the tools");
            int units = reader.ReadInt32();
            if (units < 0 || units > most) throw new InvalidDataException($"{units} of {most} units cannot be done");
            state(reader, units);
            if (stream.Position != stream.Length - SHA256.HashSizeInBytes) throw new InvalidDataException("its length is not that of the state");
            return units;
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            findings?.Add(new CheckpointSetAside(file, e is EndOfStreamException ? "it ends early" : e.Message));
            return 0;
        }
    }

    /// <summary>Numbers that take long: those that an earlier run left, or else computed, and left in a file of their own.</summary>
    /// <param name="phase">Name of the file.</param>
    /// <param name="count">How many there are.</param>
    /// <param name="compute">Computes them.</param>
    /// <param name="resumed">Told where an earlier run left them.</param>
    public float[] Keep(string phase, int count, Func<float[]> compute, Action resumed)
    {
        var left = new float[count];
        int units = Load(phase, 1, (reader, _) =>
        {
            reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(left.AsSpan()));
            if (!Array.TrueForAll(left, float.IsFinite)) throw new InvalidDataException("a number is not finite");
        });
        if (units == 1)
        {
            resumed();
            return left;
        }

        float[] computed = compute();
        Save(phase, 1, writer => writer.Write(MemoryMarshal.AsBytes(computed.AsSpan())));
        return computed;
    }

    /// <summary>Whether a text comes next as <see cref="BinaryWriter"/> writes it: no length that stands in a file is believed.</summary>
    public static bool HoldsText(BinaryReader reader, string expected)
    {
        using var bytes = new MemoryStream();
        new BinaryWriter(bytes).Write(expected);
        return reader.ReadBytes((int)bytes.Length).AsSpan().SequenceEqual(bytes.ToArray());
    }

    /// <summary>Whether the file ends with the SHA-256 of what stands before: a state that a full disk or a bad copy has changed would become an artefact like any other.</summary>
    private static bool IsWhole(Stream stream)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[BufferBytes];
        for (long left = stream.Length - hash.HashLengthInBytes; left > 0;)
        {
            int bytes = stream.Read(buffer, 0, (int)Math.Min(left, buffer.Length));
            if (bytes == 0) return false;
            hash.AppendData(buffer, 0, bytes);
            left -= bytes;
        }

        int end = stream.ReadAtLeast(buffer, hash.HashLengthInBytes, throwOnEndOfStream: false);
        stream.Position = 0;
        return buffer.AsSpan(0, end).SequenceEqual(hash.GetHashAndReset());
    }

    /// <summary>Layers that are rounded, kept with this calibration; in memory where nothing is kept.</summary>
    /// <param name="phase">The phase.</param>
    /// <param name="sizes">Output channels and weights of each layer.</param>
    public RoundedLayers Rounded(string phase, IReadOnlyDictionary<string, (int Outputs, int Weights)> sizes) => Appended(phase) is { } file ? new(file, sizes) : new();

    /// <summary>A phase's file that grows; null where nothing is kept.</summary>
    public AppendedFile? Appended(string phase)
    {
        if (folder is null) return null;
        Expect(phase);
        string path = PathOf(phase);
        return new(path, [.. BitConverter.GetBytes(Magic), .. _identity], reason => findings?.Add(new CheckpointSetAside(Path.GetFileName(path), reason)));
    }

    /// <summary>Has a phase's file removed with the others at the end, whichever run has left it.</summary>
    public void Expect(string phase)
    {
        if (folder is not null) _files.Add(PathOf(phase));
    }

    /// <summary>Has every file removed at the end that runs have left under this name, of other options and solvers, too.</summary>
    public void ExpectAll()
    {
        if (folder is not null) _files.UnionWith(Disk.Files(folder, $"{name}.*.checkpoint"));
    }

    /// <summary>Removes a phase's file, if it can be.</summary>
    public void Delete(string phase)
    {
        if (folder is null) return;
        try
        {
            Disk.Delete(PathOf(phase));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            findings?.Add(new CheckpointNotDeleted(PathOf(phase), e.Message));
        }
    }

    /// <summary>Where a phase's state stands.</summary>
    public string FileOf(string phase) => PathOf(phase);

    /// <summary>Removes the files of a calibration that is finished.</summary>
    /// <returns>What a person should know of those that could not be removed: the artefact is whole without.</returns>
    public IReadOnlyList<Finding> Delete()
    {
        var left = new List<Finding>();
        foreach (string file in _files)
        {
            try
            {
                Disk.Delete(file);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                left.Add(new CheckpointNotDeleted(file, e.Message));
            }
        }

        return left;
    }

    /// <summary>A phase's name among those of all solvers.</summary>
    public string Qualify(string phase) => prefix + phase;

    private string PathOf(string phase) => Path.Combine(folder!, $"{name}.{Qualify(phase)}.checkpoint");
}
