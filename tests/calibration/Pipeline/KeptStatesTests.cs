using Specializer.Formats;
using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>Within a unit of trajectories, too, a calibration goes on behind the last step that was done: of a large model one unit is all there is.</summary>
public sealed class KeptStatesTests : IDisposable
{
    private const int Steps = 3;

    private readonly TemporaryFolder _folder = new();
    private readonly CpuDevice _device = new(2);

    private static ImportedModel Model { get; } = DiffusersImporter.Load(ModelFolder.Source, "tiny", nullLabel: 10);

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    /// <summary>Twenty trajectories are two units. A multistep solver keeps more than its state; where moments are collected, scales are fixed before, step by step, too.</summary>
    [Theory]
    [InlineData("ddim", RoundingChoice.Nearest, 1)]
    [InlineData("dpmsolver++", RoundingChoice.Nearest, 3)]
    [InlineData("dpmsolver++", RoundingChoice.Gptq, 1)]
    public void Killed_within_a_unit_no_step_is_done_again(string scheduler, RoundingChoice rounding, double guidance)
    {
        CalibrationOptions options = new()
        {
            Steps = Steps, Trajectories = 20, Scheduler = scheduler, Rounding = rounding, Activations = ActivationWidth.Eight, GuidanceMaximum = guidance,
            MeanCorrection = MeanCorrectionChoice.Divide, VarianceCorrection = VarianceCorrectionChoice.Off, KeepingInterval = TimeSpan.Zero,
        };
        foreach (string phase in (string[])["FP32 activations", "quantization noise"])
        {
            int all = Run(options, "whole", phase, int.MaxValue);
            // The first report of a run says how much an earlier one has done.
            for (int done = 2; done < all; done += 3)
            {
                string folder = $"{phase} {done}";
                Run(options, folder, phase, done);
                Assert.Equal(all + 1 - done, Run(options, folder, phase, int.MaxValue));
                foreach (string file in (string[])["tiny.calibration.json", "tiny.weights.safetensors"])
                    Assert.Equal(File.ReadAllBytes(_folder.File($"whole/{file}")), File.ReadAllBytes(_folder.File($"{folder}/{file}")));
            }
        }
    }

    /// <summary>Of what is collected, the spreads of channels are written once when the first unit has been gone through, or scales are fixed; moments, which every column changes, with each state, and nothing else but a few words.
    /// A state is kept after each unit, and within one no oftener than is allowed: so many bytes are written, however long it takes.</summary>
    [Theory]
    [InlineData(RoundingChoice.Nearest, true)]
    [InlineData(RoundingChoice.Nearest, false)]
    [InlineData(RoundingChoice.Gptq, true)]
    public void What_does_not_change_is_not_written_again(RoundingChoice rounding, bool withinUnits)
    {
        const int Units = 2, Words = 500;
        bool moments = rounding == RoundingChoice.Gptq;
        var options = new CalibrationOptions
        {
            Steps = Steps, Trajectories = 20, Scheduler = "ddim", Rounding = rounding, Activations = ActivationWidth.Eight,
            MeanCorrection = MeanCorrectionChoice.Divide, VarianceCorrection = VarianceCorrectionChoice.Off, KeepingInterval = withinUnits ? TimeSpan.Zero : TimeSpan.MaxValue,
        };
        List<long> states = [], first = [], scales = [];
        Disk.Before = (operation, path) =>
        {
            if (operation != DiskOperation.Rename) return;
            string name = Path.GetFileName(path);
            (name == "tiny.activations.checkpoint" ? states : name == "tiny.activations.first.checkpoint" ? first : name == "tiny.scales.checkpoint" ? scales : []).Add(new FileInfo(Assert.Single(Directory.GetFiles(Path.GetDirectoryName(path)!, $"{name}.*.tmp"))).Length);
        };
        try
        {
            Run(options, "counted", "FP32 activations", (moments ? Steps : 0) + Units * Steps);
        }
        finally
        {
            Disk.Before = null;
        }

        long spreads = Assert.Single(first);
        // Until the scales are fixed, or the first unit is done, they are what each step changes.
        int perUnit = withinUnits ? Steps : 1, before = moments ? 0 : perUnit - 1;
        Assert.Equal((Units * perUnit, moments ? perUnit : 0), (states.Count, scales.Count));
        Assert.All([.. scales, .. states[..before]], bytes => Assert.InRange(bytes, spreads, spreads + Words));
        var maps = Model.Network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        long most = !moments ? 0 : Model.Network.Operations.OfType<ConvolutionOperation>().Sum(c => ColumnMoments.Bytes(ActivationCollector.ColumnSize(c, maps)));
        Assert.All(states[before..], bytes => Assert.InRange(bytes, most / 2, most + Words));
    }

    /// <summary>Reports of a phase in a run that is killed after some.</summary>
    private int Run(CalibrationOptions options, string folder, string phase, int most)
    {
        var killer = new Killer(phase, most);
        try
        {
            Calibrator.Run(Model, options, _folder.File(folder), _device, 2, killer);
            Assert.Equal(int.MaxValue, most);
        }
        catch (InvalidOperationException) when (killer.Reports == most)
        {
        }

        return killer.Reports;
    }

    private sealed class Killer(string phase, int most) : IProgress<CalibrationProgress>
    {
        public int Reports { get; private set; }

        public void Report(CalibrationProgress value)
        {
            if (value.Phase == phase && ++Reports == most) throw new InvalidOperationException();
        }
    }
}
