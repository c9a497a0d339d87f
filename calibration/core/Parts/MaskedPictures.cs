using Specializer.Formats;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Pictures with a part cut out, as a network that fills it in reads them: a mask, and the state of the rest. Every fourth mask is the whole picture, others are rectangles
/// of a quarter of each extent at least, as such networks are trained.</summary>
internal sealed class MaskedPictures
{
    private const int Whole = 4, Batch = 4;

    private readonly float[][] _masks, _states;

    private MaskedPictures(float[][] masks, float[][] states) => (_masks, _states) = (masks, states);

    /// <summary>How many.</summary>
    public int Count => _masks.Length;

    /// <summary>Names of the network's inputs, and the elements of each.</summary>
    public (string Name, int Elements)[] Inputs => [(LinkedNetwork.Mask, _masks[0].Length), (LinkedNetwork.MaskedImage, _states[0].Length)];

    /// <summary>What the inputs hold, one after the other.</summary>
    /// <param name="index">Any number: pictures repeat.</param>
    public float[] Row(int index) => [.. _masks[index % Count], .. _states[index % Count]];

    /// <summary>The pictures of a calibration; null for a network that reads none.</summary>
    /// <param name="model">With its encoder.</param>
    /// <param name="options">Name the pictures.</param>
    /// <param name="device">Stays the caller's.</param>
    /// <param name="cancellation">Acts within an evaluation.</param>
    public static MaskedPictures? Of(ImportedModel model, CalibrationOptions options, Device device, CancellationToken cancellation)
    {
        if (!model.ReadsMask) return null;
        int count = Math.Max(options.Pictures.Count, Math.Min(options.Contexts?.Count ?? options.Prompts.Count, options.Trajectories));
        float[][] masks = [.. Enumerable.Range(0, count).Select(i => Mask(model.Height, model.Width, options.Seed, (uint)i))];
        var states = new List<float[]>();
        int capacity = Float32Sampler.Capacity(model.Encoder!.Network, Batch);
        using NetworkEvaluator evaluator = model.Encoder.Evaluator(device, capacity);
        // States are small beside the pictures that they come from.
        foreach (int[] batch in Enumerable.Range(0, count).Chunk(capacity))
        {
            float[] encoded = model.Encoder.Evaluate(evaluator, [.. batch.SelectMany(i => Kept(model, options.Pictures[i % options.Pictures.Count], masks[i]))], cancellation);
            states.AddRange(encoded.Chunk(encoded.Length / batch.Length));
        }

        return new(masks, [.. states]);
    }

    /// <summary>A picture with zeros, which are gray, where the mask has it drawn anew.</summary>
    private static float[] Kept(ImportedModel model, PngPicture given, float[] mask)
    {
        Map picture = model.Picture;
        float[] values = given.ToImage(picture.Channels).Pixels.ToArray();
        for (int p = 0; p < values.Length; p++)
        {
            int pixel = p / picture.Channels, row = pixel / picture.Width * model.Height / picture.Height, column = pixel % picture.Width * model.Width / picture.Width;
            if (mask[row * model.Width + column] != 0) values[p] = 0;
        }

        return values;
    }

    private static float[] Mask(int height, int width, ulong seed, uint index)
    {
        var mask = new float[height * width];
        var draws = new Draws(seed, DrawPurpose.Masks);
        if (index % Whole == 0)
        {
            Array.Fill(mask, 1);
            return mask;
        }

        int rows = Extent(height, 0), columns = Extent(width, 1), top = draws.Below(height - rows + 1, index, 2), left = draws.Below(width - columns + 1, index, 3);
        for (int row = top; row < top + rows; row++) mask.AsSpan(row * width + left, columns).Fill(1);
        return mask;

        int Extent(int all, uint draw) => (all + 3) / 4 + draws.Below(all - (all + 3) / 4 + 1, index, draw);
    }
}
