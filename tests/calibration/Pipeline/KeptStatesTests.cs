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

    /// <summary>Twenty trajectories are two units. A multistep solver keeps more than its state; where moments are collected, scales are fixed before.</summary>
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
            // The first report of a run says how much an earlier one has done, but where scales come before all.
            int scales = rounding != RoundingChoice.Nearest && phase == "FP32 activations" ? Steps : 0;
            for (int done = 2; done < all; done += 3)
            {
                string folder = $"{phase} {done}";
                Run(options, folder, phase, done);
                Assert.Equal(done <= scales ? all : all + 1 - done, Run(options, folder, phase, int.MaxValue));
                foreach (string file in (string[])["tiny.calibration.json", "tiny.weights.safetensors"])
                    Assert.Equal(File.ReadAllBytes(_folder.File($"whole/{file}")), File.ReadAllBytes(_folder.File($"{folder}/{file}")));
            }
        }
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
