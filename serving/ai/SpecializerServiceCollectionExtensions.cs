using Microsoft.Extensions.AI;
using Specializer;
using Specializer.Extensions.AI;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers a generated sampler as the program's image generator.</summary>
public static class SpecializerServiceCollectionExtensions
{
    /// <summary>Adds an <see cref="IImageGenerator"/> that draws with a generated sampler. Loaded when it is first asked for; disposed of, with the sampler, by the container.</summary>
    /// <param name="services">Where to add it.</param>
    /// <param name="sampler">Loads the sampler, <c>_ =&gt; MnistSampler.Load()</c>.</param>
    /// <param name="configure">Changes the options.</param>
    /// <returns>The collection, for further calls.</returns>
    public static IServiceCollection AddSpecializerImageGenerator(this IServiceCollection services, Func<IServiceProvider, Sampler> sampler, Action<SpecializerImageGeneratorOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(sampler);
        return services.AddSingleton<IImageGenerator>(provider =>
        {
            var options = new SpecializerImageGeneratorOptions();
            configure?.Invoke(options);
            Sampler loaded = sampler(provider);
            try
            {
                return new SpecializerImageGenerator(loaded, options, owned: true);
            }
            catch
            {
                loaded.Dispose();
                throw;
            }
        });
    }
}
