using System.Globalization;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>The scheduler that a model comes with: its file, and the runs that can be made of it.</summary>
/// <param name="file">The file.</param>
internal sealed class ModelScheduler(ConfigurationReader file)
{
    /// <summary>Class that the file names.</summary>
    public string ClassName { get; } = file.Text("_class_name", "");

    /// <summary>SHA-256 of the file.</summary>
    public string Sha256 => file.Sha256;

    /// <summary>T, training timesteps.</summary>
    public int TrainTimesteps { get; } = file.Integer("num_train_timesteps", 1000, 1, TrainingNoise.MaximumTimesteps);

    /// <summary>Properties of the file that no run of its class reads.</summary>
    public IEnumerable<IgnoredSetting> Ignored => file.Ignored;

    /// <summary>Reads the whole file once as its class does, so that what is wrong in it shows before any network runs.</summary>
    /// <exception cref="ModelImportException">A property is wrong, or asks for what cannot be compiled.</exception>
    public void Check()
    {
        SchedulerFamily family = SchedulerFamily.OfClass(ClassName, file) ?? throw SchedulerPrograms.Unknown(file, ClassName);
        try
        {
            family.Create(file, Math.Min(TrainTimesteps, 4), new());
        }
        catch (ArgumentException)
        {
            // Other steps, or arguments, may do.
        }
    }

    /// <summary>A run.</summary>
    /// <param name="family">Name or class of a <see cref="SchedulerFamily"/>; null for the file's class, or for DDIM where that is DDPM and η is not 1.</param>
    /// <param name="steps">Steps; some solvers evaluate the network more than once in each.</param>
    /// <param name="eta">η of DDIM, γ of TCD, in [0, 1]; null for the family's own.</param>
    /// <param name="pictures">Whether runs can begin with a picture.</param>
    /// <exception cref="ArgumentException">Family, steps or η are not possible.</exception>
    /// <exception cref="ModelImportException">The family does not know a setting of the file.</exception>
    public SchedulerRun Run(string? family, int steps, double? eta, bool pictures = false)
    {
        SchedulerFamily? own = SchedulerFamily.OfClass(ClassName, file);
        if (family is null && own is { Name: "ddpm" } && eta is not (null or 1)) family = "ddim";
        SchedulerFamily used = family is null ? own ?? throw SchedulerPrograms.Unknown(file, ClassName)
            : SchedulerFamily.Find(family, file) ?? throw new ArgumentException(
                $"The scheduler {Names.Quote(family)} is unknown; choose {string.Join(", ", SchedulerFamily.All.Select(f => f.Name))}.", nameof(family));
        return SchedulerPrograms.Run(file, used, steps, eta, pictures);
    }

    /// <summary>The run that a manifest was calibrated for.</summary>
    /// <param name="identity">The manifest's.</param>
    /// <param name="pictures">Whether runs can begin with a picture.</param>
    /// <exception cref="ArgumentException">There is none of this kind.</exception>
    public SchedulerRun Run(SchedulerIdentity identity, bool pictures = false) => Run(identity.Family, Integer(identity["steps"]),
        identity["eta"] is { } eta && double.TryParse(eta, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : null, pictures);

    /// <summary>ᾱ at each evaluation of a run; null where the run has no trained levels.</summary>
    public double[]? AlphaBars(SchedulerRun run)
    {
        if (run.Identity["beta_schedule"] is not { } schedule) return null;
        TrainingNoise noise = TrainingNoise.Read(file, Double("beta_start"), Double("beta_end"), schedule, schedule, rescales: run.Identity["rescale_betas_zero_snr"] is not null);
        return [.. run.Program.Evaluations.Select(e => noise.AlphaBarAt(e.Timestep))];

        double Double(string name) => double.Parse(run.Identity[name]!, NumberStyles.Float, CultureInfo.InvariantCulture);
    }

    private static int Integer(string? text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 0;
}
