using System.Reflection;
using System.Runtime.Loader;

namespace Specializer.Cluster;

/// <summary>The generated samplers of a program, found in its assembly: for silos that are not the program itself.</summary>
public static class SamplerAssembly
{
    /// <summary>Loads an assembly, and what it refers to from its own folder; Specializer's runtime is this process's.</summary>
    /// <param name="path">The program's or library's <c>.dll</c>.</param>
    /// <returns>What loads each of its samplers on a device.</returns>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="BadImageFormatException">It is no assembly.</exception>
    /// <exception cref="ArgumentException">It has no generated sampler, or was built with another version of Specializer.Runtime.</exception>
    public static IReadOnlyList<Func<Device, Sampler>> Load(string path)
    {
        path = Path.GetFullPath(path);
        if (!File.Exists(path)) throw new FileNotFoundException($"'{path}' is missing. Build the program first.", path);
        Assembly assembly = new Neighbours(path).LoadFromAssemblyPath(path);
        AssemblyName runtime = typeof(Sampler).Assembly.GetName();
        if (Array.Find(assembly.GetReferencedAssemblies(), r => r.Name == runtime.Name) is { } built && built.Version != runtime.Version)
            throw new ArgumentException($"'{path}' was built with version {built.Version} of {runtime.Name}; this is version {runtime.Version}. Use the same version of all Specializer packages.", nameof(path));
        Func<Device, Sampler>[] samplers = [.. assembly.GetTypes().Where(t => t.IsSubclassOf(typeof(Sampler)) && !t.IsAbstract)
            .Select(t => t.GetMethod("Load", BindingFlags.Public | BindingFlags.Static, [typeof(Device)])).OfType<MethodInfo>()
            .Where(m => m.ReturnType.IsSubclassOf(typeof(Sampler))).Select(m => m.CreateDelegate<Func<Device, Sampler>>())];
        return samplers.Length > 0 ? samplers : throw new ArgumentException($"'{path}' has no generated sampler. Name the assembly of the project whose file has the CalibrationManifest items.", nameof(path));
    }

    private sealed class Neighbours(string path) : AssemblyLoadContext(path)
    {
        private readonly AssemblyDependencyResolver _resolver = new(path);

        protected override Assembly? Load(AssemblyName assemblyName)
        {
            // What this process has is shared: a sampler must be this process's Sampler.
            if (Default.Assemblies.FirstOrDefault(a => a.GetName().Name == assemblyName.Name) is { } here) return here;
            return _resolver.ResolveAssemblyToPath(assemblyName) is { } file ? LoadFromAssemblyPath(file) : null;
        }
    }
}
