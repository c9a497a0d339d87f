using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Networks that also predict a variance: the last convolution gives twice as many channels as a state has, first the prediction's, then the variance's. It becomes two, whose outputs solvers read apart.</summary>
internal static class LearnedVariance
{
    /// <summary>Map of the variance.</summary>
    public const string Map = "variance";

    /// <summary>Whether a network predicts a variance.</summary>
    public static bool IsPredicted(ImportedModel model) => model.Network.Outputs.Count > 0 || model.OutputChannels == 2 * model.Channels;

    /// <summary>Checks that the variance is predicted.</summary>
    /// <exception cref="UnsupportedModelException">It is not.</exception>
    public static void Require(ImportedModel model)
    {
        if (IsPredicted(model)) return;
        throw new UnsupportedModelException(model.Pipeline?.File ?? model.Name, "variance_type", "learned",
            $"The network has {model.OutputChannels} output channels, and one that predicts a variance has {2 * model.Channels}. Use a fixed variance, or a scheduler that needs none, such as ddim.");
    }

    /// <summary>A model whose prediction has as many channels as its state; others are left as they are.</summary>
    /// <param name="model">As imported, or split already.</param>
    /// <param name="keep">Whether the variance is kept; a solver that does not ask for it leaves it out, and its convolution with it.</param>
    /// <exception cref="UnsupportedModelException">The variance is asked for and not predicted.</exception>
    public static ImportedModel Split(ImportedModel model, bool keep)
    {
        if (keep) Require(model);
        if (model.OutputChannels != 2 * model.Channels) return model;
        Network network = model.Network;
        int channels = model.Channels;
        var last = (ConvolutionOperation)network.Operations.Single(o => o.Outputs().Contains(network.Epsilon));
        string[] own = [$"{last.Name}.weight", $"{last.Name}.bias"];
        DeferredTensors tensors = DeferredTensors.Of(model.Weights, name => !own.Contains(name));
        foreach (string name in own)
        {
            string kind = name[(last.Name.Length + 1)..];
            // A channel's numbers stand together.
            tensors.Add(name, () => model.Weights[name][..(model.Weights[name].Length / 2)], DeferredTensors.IsHalf(model.Weights, name));
            if (keep) tensors.Add($"{last.Name}.{Map}.{kind}", () => model.Weights[name][(model.Weights[name].Length / 2)..], DeferredTensors.IsHalf(model.Weights, name));
        }

        IEnumerable<Map> maps = network.Maps.Select(m => m.Name == network.Epsilon ? m with { Channels = channels } : m);
        Map prediction = network.Maps.Single(m => m.Name == network.Epsilon);
        return model with
        {
            Weights = tensors,
            Network = network with
            {
                Maps = (keep ? maps.Append(prediction with { Name = Map, Channels = channels }) : maps).ToEquatableArray(),
                Operations = (keep ? network.Operations.Append(last with { Name = $"{last.Name}.{Map}", Output = Map, Vector = last.Vector < 0 ? -1 : last.Vector + channels }) : network.Operations).ToEquatableArray(),
                Outputs = keep ? new([Map]) : default,
            },
        };
    }
}
