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
            return (new Checkpoint(folder.Root, "model", options).Load("noise", 3, (r, _) => value = r.ReadInt32()), value);
        }
    }

    [Theory]
    [InlineData(-1, 4, "-1 of 3 units")]
    [InlineData(2_000_000_000, 4, "2000000000 of 3 units")]
    [InlineData(2, 3, "length is not that of the state")]
    [InlineData(2, 5, "length is not that of the state")]
    [InlineData(2, 4, "no such value")]
    public void AStateThatIsNoneStartsAnewWithAWord(int units, int bytes, string reason)
    {
        using var folder = new TemporaryFolder();
        new Checkpoint(folder.Root, "model", "options").Save("noise", units, w => w.Write(new byte[bytes]));
        var findings = new List<Finding>();
        Assert.Equal(0, new Checkpoint(folder.Root, "model", "options", findings).Load("noise", 3, (r, _) =>
        {
            if (r.ReadInt32() == 0 && bytes == 4) throw new InvalidDataException("no such value");
        }));
        var finding = Assert.IsType<CheckpointSetAside>(Assert.Single(findings));
        Assert.Equal("model.noise.checkpoint", finding.File);
        Assert.Contains(reason, finding.Reason);
    }

    [Fact]
    public void FinishedCalibrationsLeaveNothing()
    {
        using var folder = new TemporaryFolder();
        var checkpoint = new Checkpoint(folder.Root, "model", "options");
        Assert.Equal(0, checkpoint.Load("noise", 1, (_, _) => { }));
        checkpoint.Save("noise", 1, _ => { });
        Assert.Empty(checkpoint.Delete());
        Assert.Empty(Directory.GetFiles(folder.Root));
    }

    /// <summary>The artefact is written by then: the calibration has not failed.</summary>
    [Fact]
    public void AFileThatCannotBeDeletedIsAFinding()
    {
        using var folder = new TemporaryFolder();
        var checkpoint = new Checkpoint(folder.Root, "model", "options");
        checkpoint.Load("noise", 1, (_, _) => { });
        checkpoint.Load("costs", 1, (_, _) => { });
        Directory.CreateDirectory(folder.File("model.noise.checkpoint"));
        checkpoint.Save("costs", 1, _ => { });
        Assert.EndsWith("model.noise.checkpoint", Assert.IsType<CheckpointNotDeleted>(Assert.Single(checkpoint.Delete())).Path, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(folder.Root));
    }
}
