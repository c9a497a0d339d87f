namespace Specializer;

/// <summary>Decodes a state tile by tile, in the memory of one tile.</summary>
internal static class TiledDecoding
{
    /// <summary>Reads the state, decodes each of its tiles and joins what they become.</summary>
    /// <param name="sampler">Its decoder reads tiles.</param>
    /// <param name="run">The session's memory, restricted to the images.</param>
    /// <param name="images">Images of the batch.</param>
    /// <param name="pixels">Receives their pixels, NHWC.</param>
    public static void Decode(Sampler sampler, Execution run, int images, Span<float> pixels)
    {
        SamplerDescription d = sampler.Description;
        (MapSize state, SamplerInput tile) = (d.State!.Value, d.Tile!);
        var join = new TileJoin(state, new(tile.Height, tile.Width, tile.Channels), new(d.Height, d.Width, d.Channels), d.TileOverlap, d.TilesBlend);
        float[] states = new float[images * d.StateElements], part = new float[images * tile.Elements], drawn = new float[images * join.TilePixels];
        run.Read(d.Latent, d.StateElements, states);
        foreach (TilePlace place in join.Places)
        {
            join.Cut(states, place, part);
            run.Write(tile.Buffer, tile.Elements, part);
            sampler.Decode(run);
            run.Read(d.Picture!.Value, join.TilePixels, drawn);
            join.Paste(drawn, place, pixels);
        }
    }
}
