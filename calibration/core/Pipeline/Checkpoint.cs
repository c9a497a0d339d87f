using System.Security.Cryptography;
using System.Text;
using Specializer.Formats;

namespace Specializer.Calibration;

/// <summary>What an interrupted calibration goes on from: for each phase a file with the units done and the state after them. Resuming gives the bytes that an
/// uninterrupted run gives, because a state is written only between units.</summary>
/// <param name="folder">Where the artefact will lie.</param>
/// <param name="name">Of the artefact.</param>
/// <param name="identity">Everything that decides the state: another model, other options or other code start anew.</param>
internal sealed class Checkpoint(string folder, string name, string identity)
{
    private const uint Magic = 0x334B5A53; // "SZK3", little-endian

    private const int BufferBytes = 1 << 16;

    private readonly byte[] _identity = SHA256.HashData(Encoding.UTF8.GetBytes(identity));
    private readonly List<string> _phases = [];

    /// <summary>Writes a phase's state, in one piece or not at all.</summary>
    public void Save(string phase, int units, Action<BinaryWriter> state) => AtomicFile.Write(PathOf(phase), stream =>
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
    });

    /// <summary>Reads a phase's state; returns the units done, 0 when there is none that fits.</summary>
    public int Load(string phase, Action<BinaryReader> state)
    {
        _phases.Add(phase);
        string path = PathOf(phase);
        if (!File.Exists(path)) return 0;
        using FileStream stream = File.OpenRead(path);
        if (!IsWhole(stream)) return 0;
        using var reader = new BinaryReader(stream);
        if (reader.ReadUInt32() != Magic || !reader.ReadBytes(_identity.Length).AsSpan().SequenceEqual(_identity)) return 0;
        int units = reader.ReadInt32();
        state(reader);
        return units;
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

    /// <summary>Removes the files of a calibration that is finished.</summary>
    /// <returns>What a person should know of those that could not be removed: the artefact is whole without.</returns>
    public IReadOnlyList<string> Delete()
    {
        var notes = new List<string>();
        foreach (string phase in _phases)
        {
            try
            {
                File.Delete(PathOf(phase));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                notes.Add($"'{PathOf(phase)}' is no longer needed but cannot be deleted: {e.Message}");
            }
        }

        return notes;
    }

    private string PathOf(string phase) => Path.Combine(folder, $"{name}.{phase}.checkpoint");
}
