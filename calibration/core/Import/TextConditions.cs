namespace Specializer.Calibration;

/// <summary>What the other parts of a pipeline give its network: decides how the network's inputs are read.</summary>
/// <param name="Tokens">Of a text.</param>
internal sealed record TextConditions(int Tokens)
{
    // Height and width of the original, rows and columns cut off above and to the left, height and width of the target.
    private const int Sizes = 6;

    /// <summary>Channels of the tokens that a second text encoder gives; 0 for none.</summary>
    public int SecondChannels { get; init; }

    /// <summary>Channels of a text's summary; 0 for none.</summary>
    public int SummaryChannels { get; init; }

    /// <summary>Pixels of a picture, in each direction, for one of the state.</summary>
    public int Factor { get; init; } = 1;

    /// <summary>Rows and columns of the picture that are asked for; null for those that the configuration names.</summary>
    public (int Height, int Width)? Size { get; init; }

    /// <summary>Whether there is what makes states of pictures, so that a network may read those of masked ones.</summary>
    public bool TakesPictures { get; init; }

    /// <summary>The network's configuration with all that is known. What does not fit is left as it is, and told by the parts' comparison.</summary>
    /// <exception cref="ArgumentException">Pictures of the size that is asked for are not possible.</exception>
    public UNetConfiguration Apply(UNetConfiguration network)
    {
        if (Size is { } size)
        {
            var (height, width) = PictureSize.State(size, Factor, network.Multiple);
            network = network with { Height = height, Width = width };
        }

        // State, mask, masked picture: the networks of inpainting.
        if (TakesPictures && network.Channels == 2 * network.OutputChannels + 1) network = network with { Channels = network.OutputChannels, ReadsMask = true };
        if (network.Cross is not { } cross || SecondChannels == 0 || SecondChannels >= cross.Channels) return network;
        network = network with { Cross = cross with { SecondChannels = SecondChannels } };
        if (network.Added is not { } added || added.Channels != SummaryChannels + Sizes * added.TimeChannels) return network;
        // As the source library has it unless a call says otherwise: an original as large as the picture, and nothing cut off. Shapes are compiled in, and so are these.
        float rows = Factor * network.Height, columns = Factor * network.Width;
        return network with { Added = added with { Known = TimeEmbedding.AddedSinusoids(network, [rows, columns, 0, 0, rows, columns]) } };
    }
}
