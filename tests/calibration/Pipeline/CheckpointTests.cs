using Specializer.Tests;

namespace Specializer.Calibration.Tests;

public class CheckpointTests
{
    [Fact]
    public void OnlyAWholeFileOfTheSameCalibrationIsTaken()
    {
        using var folder = new TemporaryFolder();
        new Checkpoint(folder.Root, "model", "these options").Save("noise", 3, w => w.Write(42));
        string path = folder.File("model.noise.checkpoint");
        Assert.Equal((3, 42), Load("these options"));
        Assert.Equal((0, 0), Load("other options"));
        byte[] bytes = File.ReadAllBytes(path);
        foreach (int length in (int[])[0, 3, 20, bytes.Length - 1])
        {
            File.WriteAllBytes(path, bytes[..length]);
            Assert.Equal((0, 0), Load("these options"));
        }

        for (int i = 0; i < bytes.Length; i++)
        {
            byte[] damaged = [.. bytes];
            damaged[i] ^= 1;
            File.WriteAllBytes(path, damaged);
            Assert.Equal((0, 0), Load("these options"));
        }

        (int, int) Load(string options)
        {
            int value = 0;
            return (new Checkpoint(folder.Root, "model", options).Load("noise", r => value = r.ReadInt32()), value);
        }
    }

    [Fact]
    public void FinishedCalibrationsLeaveNothing()
    {
        using var folder = new TemporaryFolder();
        var checkpoint = new Checkpoint(folder.Root, "model", "options");
        Assert.Equal(0, checkpoint.Load("noise", _ => { }));
        checkpoint.Save("noise", 1, _ => { });
        Assert.Empty(checkpoint.Delete());
        Assert.Empty(Directory.GetFiles(folder.Root));
    }

    /// <summary>The artefact is written by then: the calibration has not failed.</summary>
    [Fact]
    public void AFileThatCannotBeDeletedIsANote()
    {
        using var folder = new TemporaryFolder();
        var checkpoint = new Checkpoint(folder.Root, "model", "options");
        checkpoint.Load("noise", _ => { });
        checkpoint.Load("costs", _ => { });
        Directory.CreateDirectory(folder.File("model.noise.checkpoint"));
        checkpoint.Save("costs", 1, _ => { });
        Assert.Contains("model.noise.checkpoint", Assert.Single(checkpoint.Delete()), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(folder.Root));
    }
}
