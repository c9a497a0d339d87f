using Specializer.Manifest;
using Specializer.Tests;
using Xunit.Abstractions;

namespace Specializer.Calibration.Tests;

/// <summary>The emoji model's decoder (AutoencoderKL, trained) in tiles, of pictures that show something.</summary>
public sealed class DecoderTilesTests(ITestOutputHelper output) : IDisposable
{
    private const int Images = 2;

    private readonly CpuDevice _device = new(2);

    public void Dispose() => _device.Dispose();

    /// <summary>Where tiles begin, end and are half each, neither the picture nor what tiles change of it steps more than between other pixels. The same tiles cut in the middle of what they share would show.</summary>
    [Theory]
    [InlineData(128, 96)]
    [InlineData(192, 64)]
    public void Tiles_have_no_seam(int size, int side)
    {
        ImportedModel model = PipelineImporter.Load(Path.Combine(SharedData.RepositoryRoot, "sample-app", "models", "emoji"), size: (size, size));
        float[] latents = Latents(model), whole;
        using (var decoder = new PictureDecoder(model.Decoder!, _device)) whole = decoder.Decode(latents);
        DecoderTiles tiles = DecoderTiles.Of(model.Decoder!.Network, side);
        using var tiled = new PictureDecoder(model.Decoder with { Network = tiles.Network }, _device);
        TileJoin blending = Join(blend: true), cutting = Join(blend: false);
        float[] blended = Decode(blending), cut = Decode(cutting);

        int scale = size / model.Height;
        int[] middles = [.. Shared(blending).Select(s => scale * (s.Start + s.End) / 2)], borders = [.. Shared(blending).SelectMany(s => (int[])[scale * s.Start, scale * s.End]), .. middles];
        double picture = Steps(blended, borders), change = Steps(Change(blended), borders), seam = Steps(Change(cut), middles);
        output.WriteLine(FormattableString.Invariant($"{size}×{size} in tiles of {side}×{side}: {Psnr(blended):F1} dB to the whole, {Psnr(cut):F1} if cut. Steps at borders to those elsewhere: picture {picture:F2}, change {change:F2}, change if cut {seam:F2}"));
        Assert.InRange(picture, 0, 1.2);
        Assert.InRange(change, 0, 1.4);
        Assert.InRange(seam, 1.6, double.MaxValue);
        // Each tile has norms and attention of its own.
        Assert.InRange(Psnr(blended), 25, 50);

        TileJoin Join(bool blend) => new(Size(model.Decoder.Network, n => n.Latent), Size(tiles.Network, n => n.Latent), Size(model.Decoder.Network, n => n.Epsilon), tiles.Overlap, blend);

        float[] Decode(TileJoin join)
        {
            MapSize tile = Size(tiles.Network, n => n.Latent);
            float[] part = new float[Images * tile.Height * tile.Width * tile.Channels], pixels = new float[whole.Length];
            foreach (TilePlace place in join.Places)
            {
                join.Cut(latents, place, part);
                join.Paste(tiled.Decode(part), place, pixels);
            }

            return pixels;
        }

        float[] Change(float[] pixels) => [.. pixels.Zip(whole, (p, w) => p - w)];

        double Psnr(float[] pixels) => 10 * Math.Log10(4 / Change(pixels).Average(e => (double)e * e));

        double Steps(float[] pixels, int[] at)
        {
            double[] steps = SquaredSteps(pixels, size);
            return Math.Sqrt(at.Average(x => steps[x]) / Enumerable.Range(1, size - 1).Except(at).Average(x => steps[x]));
        }
    }

    private float[] Latents(ImportedModel model)
    {
        using Float32Sampler sampler = Float32Sampler.Create(model with { Pipeline = null, Decoder = null }, null, 4, null, _device);
        return sampler.Draw(new() { Count = Images, Seed = 1, Prompts = ["red heart", "a smiling cat face"], Guidance = 3 }).Pixels.ToArray();
    }

    /// <summary>Rows that a tile shares with that above, and as many columns: pictures and tiles are square.</summary>
    private static IEnumerable<(int Start, int End)> Shared(TileJoin join) => join.Places.Where(p => p is { Left: 0, AboveEnd: > 0 }).Select(p => (p.Top, p.AboveEnd));

    private static MapSize Size(Network network, Func<Network, string> map) => network.Maps.Single(m => m.Name == map(network)) is var m ? new(m.Height, m.Width, m.Channels) : default;

    /// <summary>The mean square of what changes from one row, or column, to the next, by the index of the second.</summary>
    private static double[] SquaredSteps(float[] pixels, int size)
    {
        const int channels = 3;
        var sums = new double[size];
        for (int i = 0; i < pixels.Length; i++)
        {
            int x = i / channels % size, y = i / channels / size % size;
            if (x > 0) sums[x] += Math.Pow(pixels[i] - pixels[i - channels], 2);
            if (y > 0) sums[y] += Math.Pow(pixels[i] - pixels[i - size * channels], 2);
        }

        return sums;
    }
}
