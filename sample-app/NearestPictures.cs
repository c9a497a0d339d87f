using Specializer;
using Specializer.Formats;

namespace SampleApp;

/// <summary>Whether a drawn picture shows what its prompt says: of the training's pictures nearest to it, pixel by pixel, is one called so? A set as small as that is
/// partly memorised; the distance to the nearest tells how far.</summary>
/// <param name="Prompt">What was asked for.</param>
/// <param name="Rank">Place of the first picture with that caption among the nearest, from 1; 0 where it is none of them.</param>
/// <param name="NearestCaption">Caption of the nearest picture.</param>
/// <param name="Distance">Root of the mean squared difference to the nearest, of 255.</param>
internal sealed record NearestPictures(string Prompt, int Rank, string NearestCaption, double Distance)
{
    /// <summary>How many of the nearest are looked at.</summary>
    public const int Looked = 5;

    /// <summary>Compares the pictures of a run with those of the training.</summary>
    /// <param name="images">Drawn.</param>
    /// <param name="prompt">Of each image.</param>
    /// <param name="training">What the model was trained on.</param>
    /// <exception cref="InvalidDataException">The pictures have another size.</exception>
    public static NearestPictures[] Of(ImageBatch images, Func<int, string> prompt, TrainingPictures training)
    {
        int bytes = images.Height * images.Width * images.Channels;
        if (bytes != training.PictureBytes) throw new InvalidDataException($"The training's pictures have {training.PictureBytes} bytes, the drawn ones {bytes}.");
        var nearest = new NearestPictures[images.Count];
        Parallel.For(0, images.Count, i =>
        {
            byte[] drawn = Array.ConvertAll(images[i].ToArray(), ImageGrid.ToByte);
            var squares = new long[training.Captions.Count];
            for (int t = 0; t < squares.Length; t++)
            {
                ReadOnlySpan<byte> picture = training.Pixels.AsSpan(t * bytes, bytes);
                for (int p = 0; p < bytes; p++) squares[t] += (drawn[p] - picture[p]) * (drawn[p] - picture[p]);
            }

            int[] first = [.. Enumerable.Range(0, squares.Length).OrderBy(t => squares[t]).ThenBy(t => t).Take(Looked)];
            nearest[i] = new(prompt(i), 1 + Array.FindIndex(first, t => training.Captions[t].Contains(prompt(i), StringComparer.OrdinalIgnoreCase)), training.Captions[first[0]][0], Math.Sqrt((double)squares[first[0]] / bytes));
        });
        return nearest;
    }

    /// <summary>Images that show what they should.</summary>
    public static int Found(IEnumerable<NearestPictures> all) => all.Count(n => n.Rank > 0);

    /// <summary>Prints both samplers' pictures, prompt by prompt.</summary>
    public static void Print(NearestPictures[] float32, NearestPictures[] quantized, TextWriter to)
    {
        to.WriteLine();
        to.WriteLine($"{"prompt",-16} {"FP32: rank, nearest",-34} {"quantized: rank, nearest",-34}");
        foreach ((NearestPictures f, NearestPictures q) in float32.Zip(quantized)) to.WriteLine($"{f.Prompt,-16} {Text(f),-34} {Text(q),-34}");
        to.WriteLine($"a picture of that caption among the {Looked} nearest: {Found(float32)} of {float32.Length} in FP32, {Found(quantized)} quantized");

        static string Text(NearestPictures n) => FormattableString.Invariant($"{(n.Rank == 0 ? "-" : n.Rank)}, {n.NearestCaption} at {n.Distance:F1}");
    }
}
