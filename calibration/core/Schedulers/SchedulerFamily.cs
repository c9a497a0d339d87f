using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>A solver by the name that people ask for it, and the class of the source library whose settings it reads.</summary>
/// <param name="Name">As in <c>--scheduler</c> and manifests.</param>
/// <param name="Class">Class in diffusers.</param>
/// <param name="Create">Writes its program.</param>
/// <param name="Algorithm">The <c>algorithm_type</c> that the name implies; null for the file's.</param>
/// <param name="DefaultEta">η where nothing is said; null where there is none.</param>
internal sealed record SchedulerFamily(
    string Name, string Class, Func<ConfigurationReader, int, SolverArguments, SolverProgram> Create, string? Algorithm = null, double? DefaultEta = null)
{
    private const string Dpm = "DPMSolverMultistepScheduler", Single = "DPMSolverSinglestepScheduler";

    /// <summary>All of them. Of those with one class, the one whose algorithm is the file's is that class's.</summary>
    public static IReadOnlyList<SchedulerFamily> All { get; } =
    [
        new("ddpm", "DDPMScheduler", Ddpm.Create),
        new("ddim", "DDIMScheduler", Ddim.Create, DefaultEta: 0),
        new("euler", "EulerDiscreteScheduler", Euler.Create),
        new("euler-ancestral", "EulerAncestralDiscreteScheduler", Euler.CreateAncestral),
        new("heun", "HeunDiscreteScheduler", Heun.Create),
        new("kdpm2", "KDPM2DiscreteScheduler", Kdpm2.Create),
        new("kdpm2-ancestral", "KDPM2AncestralDiscreteScheduler", Kdpm2.CreateAncestral),
        new("lms", "LMSDiscreteScheduler", Lms.Create),
        new("pndm", "PNDMScheduler", Pndm.Create),
        new("dpmsolver++", Dpm, DpmSolverMultistep.Create, "dpmsolver++"),
        new("dpmsolver", Dpm, DpmSolverMultistep.Create, "dpmsolver"),
        new("sde-dpmsolver++", Dpm, DpmSolverMultistep.Create, "sde-dpmsolver++"),
        new("sde-dpmsolver", Dpm, DpmSolverMultistep.Create, "sde-dpmsolver"),
        new("dpmsolver++-singlestep", Single, DpmSolverSinglestep.Create, "dpmsolver++"),
        new("dpmsolver-singlestep", Single, DpmSolverSinglestep.Create, "dpmsolver"),
        new("sde-dpmsolver++-singlestep", Single, DpmSolverSinglestep.Create, "sde-dpmsolver++"),
        new("deis", "DEISMultistepScheduler", Deis.Create),
        new("unipc", "UniPCMultistepScheduler", UniPc.Create),
        new("lcm", "LCMScheduler", Lcm.Create),
        new("tcd", "TCDScheduler", Tcd.Create, DefaultEta: Tcd.DefaultGamma),
        new("edm-euler", "EDMEulerScheduler", EdmEuler.Create),
        new("edm-dpmsolver++", "EDMDPMSolverMultistepScheduler", DpmSolverMultistep.CreateEdm),
    ];

    /// <summary>The family of a name, or of a class with that class's algorithm in a file; null when there is none.</summary>
    public static SchedulerFamily? Find(string name, ConfigurationReader configuration) => All.FirstOrDefault(f => f.Name == name) ?? OfClass(name, configuration);

    /// <summary>The family of a class, with the algorithm that its file asks for; null when it is none that can be compiled.</summary>
    public static SchedulerFamily? OfClass(string className, ConfigurationReader configuration)
    {
        SchedulerFamily[] families = [.. All.Where(f => f.Class == className)];
        return families.FirstOrDefault(f => configuration.Raw("algorithm_type") == $"\"{f.Algorithm}\"") ?? families.FirstOrDefault();
    }
}
