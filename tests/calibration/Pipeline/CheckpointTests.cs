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

    /// <summary>A state that ends later than it should was read before that is seen: nothing of it is collected on.</summary>
    [Theory]
    [InlineData(0, new[] { 7, 1 })]
    [InlineData(1, new[] { 0, 1 })]
    public void NothingIsCollectedOnAStateThatIsSetAside(int tooMany, int[] expected)
    {
        using var folder = new TemporaryFolder();
        var checkpoint = new Checkpoint(folder.Root, "model", "options");
        checkpoint.Save("noise", 1, w => Array.ForEach(new int[1 + tooMany], _ => w.Write(7)));
        Assert.Equal(expected, new UnitPhase<List<int>>("noise", 2, null!, null, checkpoint)
        {
            Create = () => [],
            Begin = (_, _) => { },
            Collect = (state, unit, _, keep) =>
            {
                state.Add(unit);
                keep(1);
            },
            Write = (state, writer) => state.ForEach(writer.Write),
            Read = (state, reader, _, _) => state.Add(reader.ReadInt32()),
            Merge = (_, _) => { },
        }.Run());
    }

    /// <summary>What the first unit alone changes lies in a file of its own when that unit is done; without it the state is none.</summary>
    [Fact]
    public void WhatTheFirstUnitLeavesIsKeptOnce()
    {
        using var folder = new TemporaryFolder();
        string first = folder.File("model.noise.first.checkpoint");
        Assert.Equal("7, 1: 0", Phase(1));
        byte[] kept = File.ReadAllBytes(first);
        Assert.Equal("7, 2: 1", Phase(2));
        Assert.Equal(kept, File.ReadAllBytes(first));
        File.Delete(first);
        Assert.Equal("7, 3: 0, 1, 2", Phase(3, $"{first} is missing"));
        File.WriteAllBytes(first, [.. kept[..^1], 0]);
        Assert.Equal("7, 3: 0, 1, 2", Phase(3, "its end does not fit its beginning", $"{first} is missing"));

        string Phase(int units, params string[] reasons)
        {
            var findings = new List<Finding>();
            var collected = new List<int>();
            int[] state = new UnitPhase<int[]>("noise", units, null!, null, new Checkpoint(folder.Root, "model", "options", findings))
            {
                Create = () => new int[2],
                Begin = (_, _) => { },
                Collect = (state, unit, _, keep) =>
                {
                    collected.Add(unit);
                    if (unit == 0) state[0] += 7;
                    state[1]++;
                    keep(1);
                },
                FirstSteps = 1,
                WriteFirst = (state, writer) => writer.Write(state[0]),
                ReadFirst = (state, reader, _) => state[0] = reader.ReadInt32(),
                Write = (state, writer) => writer.Write(state[1]),
                Read = (state, reader, _, _) => state[1] = reader.ReadInt32(),
                Merge = (_, _) => { },
            }.Run();
            Assert.Equal(reasons, findings.Select(f => ((CheckpointSetAside)f).Reason));
            return $"{string.Join(", ", state)}: {string.Join(", ", collected)}";
        }
    }

    /// <summary>A length is not believed: of a text, as <see cref="BinaryReader.ReadString"/> does, which then asks for more or ends otherwise.</summary>
    [Theory]
    [InlineData(new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0x0F })]
    [InlineData(new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF })]
    [InlineData(new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0x07 })]
    [InlineData(new byte[] { 2, (byte)'a' })]
    [InlineData(new byte[] { })]
    public void TextsAreComparedAndNotRead(byte[] state) => Assert.False(Checkpoint.HoldsText(new(new MemoryStream(state)), "ab"));

    /// <summary>Records with a right hash that no calibration of this model writes: set aside with a word, and rounded anew.</summary>
    [Theory]
    [InlineData("conv", 8, 1, 2, 100, 1f, 0.5, "")]
    [InlineData("other", 8, 1, 2, 1, 1f, 0.5, "no such layer")]
    [InlineData("conv", 8, 2, 2, 1, 1f, 0.5, "no such layer")]
    [InlineData("conv", 8, 1, 3, 1, 1f, 0.5, "no such layer")]
    [InlineData("conv", 5, 1, 2, 1, 1f, 0.5, "no weights have 5 bits")]
    [InlineData("conv", 4, 1, 2, 100, 1f, 0.5, "no weights of 4 bits")]
    [InlineData("conv", 8, 1, 2, -128, 1f, 0.5, "no weights of 8 bits")]
    [InlineData("conv", 8, 1, 2, 1, 0f, 0.5, "no weights of 8 bits")]
    [InlineData("conv", 8, 1, 2, 1, float.NaN, 0.5, "no weights of 8 bits")]
    [InlineData("conv", 8, 1, 2, 1, 1f, double.NaN, "no weights of 8 bits")]
    [InlineData("conv", 8, 1, 2, 1, 1f, double.PositiveInfinity, "no weights of 8 bits")]
    [InlineData("conv", 8, -1, 2, 1, 1f, 0.5, "-1 scales")]
    [InlineData("conv", 8, int.MaxValue, int.MaxValue, 1, 1f, 0.5, "2147483647 scales")]
    public void RoundedLayersThatAreNoneAreSetAside(string layer, int bits, int outputs, int weights, int value, float scale, double loss, string reason)
    {
        using var folder = new TemporaryFolder();
        var sizes = new Dictionary<string, (int, int)> { ["conv"] = (1, 2) };
        new Checkpoint(folder.Root, "model", "options").Rounded("rounded", sizes);
        string said = "";
        byte[] header = File.ReadAllBytes(folder.File("model.rounded.checkpoint"));
        var file = new AppendedFile(folder.File("model.rounded.checkpoint"), header, reason => said += reason);
        file.Append(writer =>
        {
            writer.Write(layer);
            writer.Write(bits);
            writer.Write(true);
            writer.Write(outputs);
            writer.Write(weights);
            writer.Write(loss);
            for (int i = 0; i < outputs && i < 2; i++) writer.Write(scale);
            for (int i = 0; i < outputs && i < 2; i++) writer.Write(0.25f);
            for (int i = 0; i < weights && i < 4; i++) writer.Write((sbyte)value);
        });
        var findings = new List<Finding>();
        RoundedLayers layers = new Checkpoint(folder.Root, "model", "options", findings).Rounded("rounded", sizes);
        Assert.Equal(reason.Length == 0, layers.Has(layer, bits, secondOrder: true));
        if (reason.Length == 0) Assert.Empty(findings);
        else Assert.Contains(reason, Assert.IsType<CheckpointSetAside>(Assert.Single(findings)).Reason);
        Assert.Equal(reason.Length > 0, new FileInfo(folder.File("model.rounded.checkpoint")).Length == header.Length);
    }

    [Fact]
    public void APipeMakesNobodyWait()
    {
        if (OperatingSystem.IsWindows()) return;
        using var folder = new TemporaryFolder();
        CommandResult.Run(folder.Root, "mkfifo", ["model.noise.checkpoint"]).AssertSucceeded();
        Assert.Contains("model.noise.checkpoint' is a pipe", Assert.Throws<IOException>(() => new Checkpoint(folder.Root, "model", "options").Load("noise", 1, (_, _) => { })).Message, StringComparison.Ordinal);
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
