using Specializer.Formats;

namespace Specializer.Calibration.Tests;

/// <summary>Random tensors under the names that diffusers gives to a model's parts.</summary>
internal sealed class RandomTensors(int seed)
{
    private readonly Random _random = new(seed);
    private readonly List<(string Name, long[] Shape, float[] Values)> _tensors = [];

    public void Residual(string name, int inputs, int outputs, int time)
    {
        Norm($"{name}.norm1", inputs);
        Convolution($"{name}.conv1", inputs, outputs);
        if (time > 0) Linear($"{name}.time_emb_proj", time, outputs);
        Norm($"{name}.norm2", outputs);
        Convolution($"{name}.conv2", outputs, outputs);
        if (inputs != outputs) Convolution($"{name}.conv_shortcut", inputs, outputs, 1);
    }

    public void Convolution(string name, int inputs, int outputs, int size = 3)
    {
        Add($"{name}.weight", inputs * size * size, outputs, inputs, size, size);
        Add($"{name}.bias", 100, outputs);
    }

    public void Linear(string name, int inputs, int outputs)
    {
        Add($"{name}.weight", inputs, outputs, inputs);
        Add($"{name}.bias", 100, outputs);
    }

    public void Norm(string name, int channels)
    {
        Add($"{name}.weight", 100, channels);
        float[] gains = _tensors[^1].Values;
        for (int i = 0; i < gains.Length; i++) gains[i] += 1;
        Add($"{name}.bias", 100, channels);
    }

    // Of variance 1/inputs, so that activations keep their size.
    public void Add(string name, double inputs, params long[] shape)
    {
        var values = new float[shape.Aggregate(1L, (a, b) => a * b)];
        for (int i = 0; i < values.Length; i++) values[i] = (float)((2 * _random.NextDouble() - 1) * Math.Sqrt(3 / inputs));
        _tensors.Add((name, shape, values));
    }

    /// <summary>Changes the values of all that was added, by their names.</summary>
    public void Change(Action<string, float[]> change) => _tensors.ForEach(t => change(t.Name, t.Values));

    /// <summary>Writes a safetensors file, and begins anew.</summary>
    public void Save(string file)
    {
        var writer = new SafetensorsWriter();
        foreach (var (name, shape, values) in _tensors) writer.Add(name, values, shape);
        writer.Write(file);
        _tensors.Clear();
    }
}
