using System.Diagnostics;
using System.Reflection;
using System.Runtime;
using System.Text.Json;

namespace Specializer.Benchmarks.Measurement;

/// <summary>What a fresh process took until its first image. In milliseconds since the process began, but for the compiler's time.</summary>
/// <param name="Main">Until the program's first line.</param>
/// <param name="Loaded">Until the sampler had its weights.</param>
/// <param name="FirstImage">Until the first image was drawn.</param>
/// <param name="SecondImage">What the second image took.</param>
/// <param name="Compilation">Spent by the JIT on all threads until the first image.</param>
/// <param name="Methods">That the JIT compiled.</param>
internal sealed record Startup(double Main, double Loaded, double FirstImage, double SecondImage, double Compilation, long Methods);

/// <summary>The child process of the command <c>startup</c>: no more than a program needs that draws one image.</summary>
internal static class StartupProbe
{
    public const string Argument = "--startup-probe";

    /// <param name="assembly">Program that holds a generated sampler.</param>
    public static int Run(string assembly)
    {
        DateTime start = Process.GetCurrentProcess().StartTime;
        double Elapsed() => (DateTime.Now - start).TotalMilliseconds;
        double main = Elapsed();
        Type type = Assembly.LoadFrom(assembly).GetTypes().FirstOrDefault(t => t.BaseType == typeof(Sampler))
            ?? throw new ArgumentException($"'{assembly}' holds no generated sampler.");
        using var device = new CpuDevice();
        var load = type.GetMethod("Load", BindingFlags.Public | BindingFlags.Static, [typeof(Device)])
            ?? throw new MissingMethodException(type.FullName, "Load(Device)");
        using var sampler = (Sampler)load.Invoke(null, [device])!;
        double loaded = Elapsed();
        int[] label = sampler.Description.Classes > 0 ? [0] : [];
        sampler.Sample(new() { Count = 1, Seed = 0, Labels = label });
        double first = Elapsed();
        double compilation = JitInfo.GetCompilationTime().TotalMilliseconds;
        long methods = JitInfo.GetCompiledMethodCount();
        sampler.Sample(new() { Count = 1, Seed = 1, Labels = label });
        Console.WriteLine(JsonSerializer.Serialize(new Startup(main, loaded, first, Elapsed() - first, compilation, methods)));
        return 0;
    }
}
