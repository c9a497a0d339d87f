using System.Security.Cryptography;
using System.Text;
using Specializer.Formats;

namespace Specializer.Calibration;

/// <summary>What an interrupted calibration goes on from: for each phase a file with the units done and the state after them. Resuming gives the bytes that an
/// uninterrupted run gives, because a state is written only between units.</summary>
/// <param name="folder">Where the artefact will lie.</param>
/// <param name="name">Of the artefact.</param>
/// <param name="identity">Everything that decides the state: another model or other options start anew.</param>
internal sealed class Checkpoint(string folder, string name, string identity)
{
    private const uint Magic = 0x324B5A53; // "SZK2", little-endian

    private readonly byte[] _identity = SHA256.HashData(Encoding.UTF8.GetBytes(identity));
    private readonly List<string> _phases = [];

    /// <summary>Writes a phase's state, in one piece or not at all.</summary>
    public void Save(string phase, int units, Action<BinaryWriter> state) => AtomicFile.Write(PathOf(phase), stream =>
    {
        using var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
        writer.Write(Magic);
        writer.Write(_identity);
        writer.Write(units);
        state(writer);
        // What a full disk or a copy left short has no end.
        writer.Write(Magic);
    });

    /// <summary>Reads a phase's state; returns the units done, 0 when there is none that fits.</summary>
    public int Load(string phase, Action<BinaryReader> state)
    {
        _phases.Add(phase);
        string path = PathOf(phase);
        if (!File.Exists(path)) return 0;
        using FileStream stream = File.OpenRead(path);
        using var reader = new BinaryReader(stream);
        int head = 2 * sizeof(uint) + _identity.Length + sizeof(int);
        if (stream.Length < head || reader.ReadUInt32() != Magic || !reader.ReadBytes(_identity.Length).AsSpan().SequenceEqual(_identity)) return 0;
        stream.Position = stream.Length - sizeof(uint);
        if (reader.ReadUInt32() != Magic) return 0;
        stream.Position = sizeof(uint) + _identity.Length;
        int units = reader.ReadInt32();
        state(reader);
        return units;
    }

    /// <summary>Removes the files of a calibration that is finished.</summary>
    public void Delete()
    {
        foreach (string phase in _phases) File.Delete(PathOf(phase));
    }

    private string PathOf(string phase) => Path.Combine(folder, $"{name}.{phase}.checkpoint");
}
