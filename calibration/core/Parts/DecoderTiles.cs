using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>A decoder for a part of the state at a time, and what neighbouring parts must share.</summary>
/// <param name="Network">The decoder, its maps as small as a tile needs.</param>
/// <param name="Overlap">Rows and columns of the state that neighbours share.</param>
internal sealed record DecoderTiles(Network Network, int Overlap)
{
    // As the source library has it, where no overlap is enough.
    private const int SharedPart = 4;

    /// <summary>The decoder in tiles.</summary>
    /// <param name="decoder">For the whole state.</param>
    /// <param name="side">Rows and columns of the picture that a tile becomes; as much as there is where that is less.</param>
    /// <exception cref="ArgumentException">No such tiles are possible; the message says which are.</exception>
    public static DecoderTiles Of(Network decoder, int side)
    {
        Map state = Find(decoder, decoder.Latent), picture = Find(decoder, decoder.Epsilon);
        int scale = picture.Height / state.Height, rows = Math.Min(side / scale, state.Height), columns = Math.Min(side / scale, state.Width);
        if (side < scale || side % scale != 0)
            throw new ArgumentException($"A tile of {side} × {side} pixels does not become of whole elements of the state, which are {scale} × {scale} pixels each. Use a multiple of {scale}.");
        if (rows == state.Height && columns == state.Width)
            throw new ArgumentException($"A tile of {side} × {side} pixels is all of the picture, {picture.Height} × {picture.Width}. Use a smaller one, or none.");
        int? reach = Reach(decoder);
        int overlap = reach is { } radius ? Math.Max(1, 2 * radius) : Math.Max(1, side / scale / SharedPart);
        if (overlap >= side / scale)
            throw new ArgumentException($"Tiles of {side} × {side} pixels would share {overlap * scale} rows and columns, on which their pixels depend, and have none of their own. Use {(2 * overlap) * scale} or more.");
        return new(decoder with { Maps = decoder.Maps.Select(m => m with { Height = m.Height / state.Height * rows, Width = m.Width / state.Width * columns }).ToEquatableArray() }, overlap);
    }

    /// <summary>How many rows or columns of the state away from a pixel lies what it depends on; null where that is all of the state.</summary>
    private static int? Reach(Network decoder)
    {
        Map state = Find(decoder, decoder.Latent);
        var reach = new Dictionary<string, double> { [decoder.Latent] = 0 };
        foreach (Operation operation in decoder.Operations)
        {
            if (LinkedNetwork.ReadsEverywhere(operation)) return null;
            double read = operation.Inputs().Max(i => reach[i]);
            // A convolution reads half its taps, and where it repeats its input, up to a row of that.
            if (operation is ConvolutionOperation c)
                read = Math.Max(reach[c.Input] + (double)(c.KernelSize / 2) * state.Height / Find(decoder, c.Output).Height + (c.Upsample > 1 ? (double)state.Height / Find(decoder, c.Input).Height : 0), read);
            foreach (string output in operation.Outputs()) reach[output] = read;
        }

        return (int)Math.Ceiling(reach[decoder.Epsilon]);
    }

    private static Map Find(Network network, string name) => network.Maps.First(m => m.Name == name);
}
