using System.Globalization;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>A run of a scheduler.</summary>
/// <param name="Program">What happens.</param>
/// <param name="Identity">What it follows from.</param>
internal sealed record SchedulerRun(SolverProgram Program, SchedulerIdentity Identity);

/// <summary>From a <c>scheduler_config.json</c>, in the meaning of diffusers 0.30.3, to the program of a run.</summary>
internal static class SchedulerPrograms
{
    /// <summary>Class names that can be compiled, in alphabetical order.</summary>
    public static IEnumerable<string> Names => SchedulerFamily.All.Select(f => f.Class).Distinct().Order(StringComparer.Ordinal);

    /// <summary>Writes the program.</summary>
    /// <param name="configuration">The scheduler's file; unknown properties are ignored, absent ones take the defaults of the class.</param>
    /// <param name="steps">Steps of the run; some solvers evaluate the network more than once a step.</param>
    /// <param name="className">The scheduler to build from it, when not the one that it names.</param>
    /// <param name="arguments">Arguments of the steps.</param>
    /// <exception cref="ModelImportException">A property is wrong, or asks for what cannot be compiled.</exception>
    /// <exception cref="ArgumentException">Steps or arguments out of range, or a step that is undefined.</exception>
    public static SolverProgram Create(ConfigurationReader configuration, int steps, string? className = null, SolverArguments? arguments = null)
    {
        className ??= configuration.Text("_class_name", "");
        return Create(configuration, SchedulerFamily.All.FirstOrDefault(f => f.Class == className) ?? throw Unknown(configuration, className), steps, arguments ?? new());
    }

    /// <summary>The run of a family, with all that it depends on.</summary>
    /// <param name="configuration">The scheduler's file.</param>
    /// <param name="family">The solver.</param>
    /// <param name="steps">Steps of the run.</param>
    /// <param name="eta">η or γ; null for the family's own.</param>
    /// <param name="pictures">Whether runs can begin with a picture.</param>
    public static SchedulerRun Run(ConfigurationReader configuration, SchedulerFamily family, int steps, double? eta, bool pictures = false)
    {
        ConfigurationReader read = family.Algorithm is { } algorithm ? configuration.Anew(("algorithm_type", $"\"{algorithm}\"")) : configuration.Anew();
        SolverProgram program = Create(read, family, steps, new(eta));
        if (SolverProgramValidator.FirstIdle(program) is { } fault) throw Refused(family, fault.Message);
        program = pictures ? SolverStarts.Of(program, start => Create(read, family, steps, new(eta, Start: start))) : program.WithoutStarts();
        if (family.DefaultEta is { } own) read.Take("eta", (eta ?? own).ToString(CultureInfo.InvariantCulture));
        read.Take("steps", steps.ToString(CultureInfo.InvariantCulture));
        return new(program, new(family.Name, read.Taken.Select(t => new Setting(t.Key, t.Value)).ToEquatableArray()));
    }

    /// <summary>The scheduler cannot be compiled.</summary>
    public static UnsupportedModelException Unknown(ConfigurationReader configuration, string className) => new(configuration.File, "_class_name", $"\"{className}\"",
        $"Supported are {string.Join(", ", Names)}; most of them accept each other's configuration.");

    private static SolverProgram Create(ConfigurationReader configuration, SchedulerFamily family, int steps, SolverArguments arguments)
    {
        if (arguments.Eta is not (null or (>= 0 and <= 1)))
            throw new ArgumentOutOfRangeException(nameof(arguments), arguments.Eta, "η lies in [0, 1].");
        if (arguments.Eta is not null && family.DefaultEta is null && !(family.Name == "ddpm" && arguments.Eta == 1))
            throw new ArgumentOutOfRangeException(nameof(arguments), arguments.Eta, $"{family.Class} has no η. Leave it out, or use DDIMScheduler.");
        if (arguments.UseClippedOutput && family.Name != "ddim")
            throw new ArgumentException($"Only DDIMScheduler derives the noise from the clipped original; {family.Class} does not.", nameof(arguments));
        SolverProgram program = family.Create(configuration, steps, arguments);
        return SolverProgramValidator.FirstFault(program.WithoutStarts()) is not { } fault ? program
            : throw Refused(family, $"{fault.Message} Use other steps, or another final sigma, prediction type or order.");
    }

    /// <summary>Several solvers may have been asked for: which one cannot be run.</summary>
    private static ArgumentException Refused(SchedulerFamily family, string why) => new($"The solver {family.Name} cannot be run with these settings. {why}");
}
