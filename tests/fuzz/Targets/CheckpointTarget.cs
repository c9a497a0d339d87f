using Specializer.Calibration;

namespace Specializer.Fuzz;

/// <summary>Loads checkpoints that anything may have happened to: taken whole as they were written, or not at all.</summary>
internal sealed class CheckpointTarget : FuzzTarget
{
    private const int Units = 3, Value = 42;

    private readonly string _folder = Scratch.Folder();

    public override string Name => "checkpoint";

    public override IEnumerable<byte[]> Seeds
    {
        get
        {
            Open().Save("phase", Units, writer => writer.Write(Value));
            yield return File.ReadAllBytes(FullName);
        }
    }

    public override string Read(byte[] input)
    {
        File.WriteAllBytes(FullName, input);
        int value = 0, units = Open().Load("phase", Units, (reader, _) => value = reader.ReadInt32());
        return (units, value) switch
        {
            (Units, Value) => "accepted",
            (0, 0) => "starts anew",
            _ => throw new InvalidOperationException($"A damaged checkpoint was taken: {units} units, value {value}."),
        };
    }

    public override void Dispose() => Directory.Delete(_folder, recursive: true);

    private string FullName => Path.Combine(_folder, "model.phase.checkpoint");

    private Checkpoint Open() => new(_folder, "model", "options");
}
