using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>From a <c>scheduler_config.json</c>, in the meaning of diffusers 0.30.3, to the program of a run.</summary>
internal static class SchedulerPrograms
{
    private delegate SolverProgram Family(ConfigurationReader configuration, int steps, SolverArguments arguments);

    private static readonly Dictionary<string, Family> Families = new(StringComparer.Ordinal)
    {
        ["DDPMScheduler"] = Ddpm.Create,
        ["DDIMScheduler"] = Ddim.Create,
        ["EulerDiscreteScheduler"] = Euler.Create,
        ["EulerAncestralDiscreteScheduler"] = Euler.CreateAncestral,
        ["HeunDiscreteScheduler"] = Heun.Create,
        ["KDPM2DiscreteScheduler"] = Kdpm2.Create,
        ["KDPM2AncestralDiscreteScheduler"] = Kdpm2.CreateAncestral,
        ["DPMSolverMultistepScheduler"] = DpmSolverMultistep.Create,
        ["DPMSolverSinglestepScheduler"] = DpmSolverSinglestep.Create,
        ["DEISMultistepScheduler"] = Deis.Create,
        ["EDMEulerScheduler"] = EdmEuler.Create,
        ["EDMDPMSolverMultistepScheduler"] = DpmSolverMultistep.CreateEdm,
        ["LCMScheduler"] = Lcm.Create,
        ["PNDMScheduler"] = Pndm.Create,
        ["TCDScheduler"] = Tcd.Create,
        ["UniPCMultistepScheduler"] = UniPc.Create,
        ["LMSDiscreteScheduler"] = Lms.Create,
    };

    /// <summary>Class names that can be compiled, in alphabetical order.</summary>
    public static IEnumerable<string> Names => Families.Keys.Order(StringComparer.Ordinal);

    /// <summary>Writes the program.</summary>
    /// <param name="configuration">The scheduler's file; unknown properties are ignored, absent ones take the defaults of the class.</param>
    /// <param name="steps">Steps of the run; some solvers evaluate the network more than once a step.</param>
    /// <param name="className">The scheduler to build from it, when not the one that it names.</param>
    /// <param name="arguments">Arguments of the steps.</param>
    /// <exception cref="ModelImportException">A property is wrong, or asks for what cannot be compiled.</exception>
    /// <exception cref="ArgumentException">Steps or arguments out of range, or a step that is undefined.</exception>
    public static SolverProgram Create(ConfigurationReader configuration, int steps, string? className = null, SolverArguments? arguments = null)
    {
        arguments ??= new();
        className ??= configuration.Text("_class_name", "");
        if (!Families.TryGetValue(className, out Family? family))
        {
            throw new UnsupportedModelException(configuration.File, "_class_name", $"\"{className}\"",
                $"Supported are {string.Join(", ", Names)}; most of them accept each other's configuration.");
        }

        if (arguments.Eta is not (null or (>= 0 and <= 1)))
            throw new ArgumentOutOfRangeException(nameof(arguments), arguments.Eta, "η lies in [0, 1].");
        if (arguments.Eta is not null && className is not ("DDIMScheduler" or "TCDScheduler") && !(className == "DDPMScheduler" && arguments.Eta == 1))
            throw new ArgumentOutOfRangeException(nameof(arguments), arguments.Eta, $"{className} has no η. Leave it out, or use DDIMScheduler.");
        if (arguments.UseClippedOutput && className != "DDIMScheduler")
            throw new ArgumentException($"Only DDIMScheduler derives the noise from the clipped original; {className} does not.", nameof(arguments));
        return family(configuration, steps, arguments);
    }
}
