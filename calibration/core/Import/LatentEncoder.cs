using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Makes of an autoencoder's encoder one that gives states: of means and logarithms of variances the means, times the factor that gives them about unit variance.</summary>
/// <remarks>Both go into the last convolution. diffusers draws from the normal distribution that the two describe; its deviation is small beside the noise that follows.</remarks>
internal static class LatentEncoder
{
    /// <param name="encoder">Whose first channels are the means.</param>
    /// <param name="channels">Of a state.</param>
    /// <param name="factor">Of the autoencoder.</param>
    public static ImportedNetwork Of(ImportedNetwork encoder, int channels, float factor)
    {
        Network network = encoder.Network;
        var last = (ConvolutionOperation)network.Operations.Single(o => o.Outputs().Contains(network.Epsilon));
        string weight = $"{last.Name}.weight", bias = $"{last.Name}.bias";
        int outputs = encoder.Output.Channels;
        DeferredTensors tensors = DeferredTensors.Of(encoder.Tensors, name => name != weight && name != bias);
        foreach (string name in (string[])[weight, bias]) tensors.Add(name, () => Means(encoder.Tensors[name]));
        return encoder with
        {
            Network = network with { Maps = network.Maps.Select(m => m.Name == network.Epsilon ? m with { Channels = channels } : m).ToEquatableArray() },
            Tensors = tensors,
        };

        // A channel's numbers stand together.
        float[] Means(float[] tensor) => Array.ConvertAll(tensor[..(tensor.Length / outputs * channels)], v => factor * v);
    }
}
