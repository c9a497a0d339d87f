namespace Specializer.Cluster;

/// <summary>Draws a unit into the store: what another worker left there is not drawn again, for it would be the same.</summary>
internal static class UnitDrawing
{
    /// <returns>Pictures drawn, and pictures found.</returns>
    /// <exception cref="ArgumentException">A prompt, or the guidance, does not fit the model.</exception>
    /// <exception cref="IOException">The store does not answer.</exception>
    /// <exception cref="OperationCanceledException">The drawing was cancelled.</exception>
    public static async Task<(int Drawn, int Found)> Run(string job, UnitWork unit, HostedSampler sampler, IPictureStore store, CancellationToken cancellation)
    {
        var lines = new string[unit.Range.Count];
        float guidance = sampler.Guidance(unit.Guidance);
        int found = 0, batch = sampler.BatchImages(guidance);
        for (int i = 0; i < lines.Length; i++)
        {
            if (await store.ReadAsync(job, RenderFiles.Picture(Index(i)), cancellation) is not { } picture) continue;
            lines[i] = RenderFiles.Line(Index(i), picture);
            found++;
        }

        for (int first = 0; first < lines.Length;)
        {
            int count = 0;
            while (count < batch && first + count < lines.Length && lines[first + count] is null) count++;
            if (count > 0) await Draw(first, count);
            first += Math.Max(1, count);
        }

        // Last: a unit with hashes is a whole one.
        await store.WriteAsync(job, RenderFiles.Unit(unit.Range), RenderFiles.Hashes(lines), cancellation);
        return (lines.Length - found, found);

        long Index(int i) => unit.FirstImage + unit.Range.First + i;

        async Task Draw(int first, int count)
        {
            ImageBatch images = await sampler.Draw(new ArraySegment<string>(unit.Prompts, first, count), unit.Seed, Index(first), guidance, cancellation);
            for (int i = 0; i < count; i++)
            {
                byte[] picture = Extensions.AI.Picture.Encode(images, i);
                lines[first + i] = RenderFiles.Line(Index(first + i), picture);
                await store.WriteAsync(job, RenderFiles.Picture(Index(first + i)), picture, cancellation);
            }
        }
    }
}
