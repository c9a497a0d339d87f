using System.Text.Json.Nodes;
using Specializer.Formats;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>A copy of the repository's MNIST model that a test may damage.</summary>
internal sealed class ModelFolder : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public ModelFolder()
    {
        foreach (string name in (string[])["config.json", "scheduler_config.json"])
            System.IO.File.Copy(Path.Combine(Source, name), Path.Combine(Root, name));
        // Tests that change the weights write their own.
        System.IO.File.Copy(Path.Combine(Source, "diffusion_pytorch_model.safetensors"), Weights);
    }

    /// <summary>The MNIST model in the repository.</summary>
    public static string Source { get; } = Path.Combine(SharedData.RepositoryRoot, "sample-app", "models", "mnist");

    public string Root => _folder.Root;

    public string Config => Path.Combine(Root, "config.json");

    public string Weights => Path.Combine(Root, "diffusion_pytorch_model.safetensors");

    /// <summary>Sets one property of config.json to a JSON value.</summary>
    public ModelFolder With(string key, string json)
    {
        JsonNode config = JsonNode.Parse(System.IO.File.ReadAllText(Config))!;
        config[key] = JsonNode.Parse(json);
        System.IO.File.WriteAllText(Config, config.ToJsonString());
        return this;
    }

    /// <summary>Removes one property of config.json.</summary>
    public ModelFolder Without(string key)
    {
        JsonObject config = JsonNode.Parse(System.IO.File.ReadAllText(Config))!.AsObject();
        config.Remove(key);
        System.IO.File.WriteAllText(Config, config.ToJsonString());
        return this;
    }

    /// <summary>Rewrites the weights; null leaves a tensor out.</summary>
    public ModelFolder WithTensors(Func<string, long[], float[], (long[] Shape, float[] Data)?> change, params (string Name, long[] Shape, float[] Data)[] more)
    {
        var writer = new SafetensorsWriter();
        using (SafetensorsFile file = SafetensorsFile.Open(Path.Combine(Source, "diffusion_pytorch_model.safetensors")))
        {
            foreach (var (name, entry) in file.Entries)
                if (change(name, entry.Shape, file.ReadFloats(name)) is var (shape, data)) writer.Add(name, data, shape);
        }

        foreach (var (name, shape, data) in more) writer.Add(name, data, shape);
        writer.Write(Weights);
        return this;
    }

    public void Dispose() => _folder.Dispose();
}
