using System.Runtime.InteropServices;
using Specializer.Calibration;

namespace Specializer.Reporting;

/// <summary>Sums over the pixels of each image and channel beside those of the FP32 image of the same seed: all that pairwise figures and their
/// bootstrap need, so that no image is kept; of sets of images their coarse pixels.</summary>
/// <param name="images">Number of images.</param>
/// <param name="channels">Of an image.</param>
/// <param name="elements">Numbers in an image.</param>
/// <param name="coarse">For <see cref="Criterion.CoarseFrechet"/>; null where it is not asked for.</param>
internal sealed class ImageMoments(int images, int channels, int elements, CoarsePixels? coarse = null)
{
    private readonly record struct Sums(double R, double X, double RR, double XX, double RX, double Error)
    {
        public static Sums operator +(Sums a, Sums b) => new(a.R + b.R, a.X + b.X, a.RR + b.RR, a.XX + b.XX, a.RX + b.RX, a.Error + b.Error);
    }

    // Largest possible difference of two pixels in [−1, 1].
    private const double Peak = 2;

    private readonly Sums[] _sums = new Sums[images * channels]; // [image, channel]
    private readonly float[] _reference = new float[images * (coarse?.Features ?? 0)], _own = new float[images * (coarse?.Features ?? 0)];

    /// <summary>Number of images.</summary>
    public int Count => images;

    /// <summary>SNR and PSNR image by image.</summary>
    public PairedImages Paired => field ??= new(Each(s => s.RR), Each(s => s.Error), elements, Peak);

    /// <summary>Sums one image.</summary>
    /// <param name="image">0 to <see cref="Count"/> − 1; each is added once.</param>
    /// <param name="reference">The FP32 image, channels last.</param>
    /// <param name="pixels">The image.</param>
    public void Add(int image, ReadOnlySpan<float> reference, ReadOnlySpan<float> pixels)
    {
        if (reference.Length != elements || pixels.Length != elements)
            throw new ArgumentException($"Images of {elements} numbers are expected, not {reference.Length} and {pixels.Length}.", nameof(pixels));
        for (int i = 0; i < elements; i++)
        {
            double r = reference[i], x = pixels[i], e = x - r;
            _sums[image * channels + i % channels] += new Sums(r, x, r * r, x * x, r * x, e * e);
        }

        coarse?.Of(reference).CopyTo(_reference, image * coarse.Features);
        coarse?.Of(pixels).CopyTo(_own, image * coarse.Features);
    }

    /// <summary>SNR over some images together, dB.</summary>
    public double SnrDb(IEnumerable<int> chosen)
    {
        Sums all = default;
        foreach (int image in chosen)
        {
            for (int c = 0; c < channels; c++) all += _sums[image * channels + c];
        }

        return 10 * Math.Log10(all.RR / all.Error);
    }

    /// <summary>How far some images together are from FP32's by a criterion; less is better.</summary>
    public double Distance(Criterion criterion, IReadOnlyCollection<int> chosen) => criterion switch
    {
        Criterion.SquaredError => chosen.Average(Paired.ErrorDb),
        Criterion.CoarseFrechet when coarse is not null => FrechetDistance.Between(coarse.Rows(_reference, chosen), coarse.Rows(_own, chosen), coarse.Features),
        _ => OfMoments(criterion, chosen),
    };

    private double OfMoments(Criterion criterion, IReadOnlyCollection<int> chosen)
    {
        double count = (double)chosen.Count * (elements / channels), reference = 0, own = 0, covariance = 0, bias = 0;
        for (int c = 0; c < channels; c++)
        {
            Sums s = default;
            foreach (int image in chosen) s += _sums[image * channels + c];
            // Centred per channel, then pooled.
            reference += s.RR - s.R * s.R / count;
            own += s.XX - s.X * s.X / count;
            covariance += s.RX - s.R * s.X / count;
            double difference = (s.X - s.R) / count;
            bias += difference * difference / channels;
        }

        return criterion switch
        {
            Criterion.Correlation => Math.Abs(covariance / reference - 1),
            Criterion.Bias => Math.Sqrt(bias),
            Criterion.Variance => Math.Abs(own / reference - 1),
            _ => throw new ArgumentOutOfRangeException(nameof(criterion), criterion, "Not a criterion of moments."),
        };
    }

    /// <summary>True when all images have the same sums: in floating point only equal images do.</summary>
    public bool Equals(ImageMoments other) => _sums.AsSpan().SequenceEqual(other._sums);

    /// <summary>Writes the state.</summary>
    public void Write(BinaryWriter writer)
    {
        writer.Write(MemoryMarshal.AsBytes(_sums.AsSpan()));
        writer.Write(MemoryMarshal.AsBytes(_reference.AsSpan()));
        writer.Write(MemoryMarshal.AsBytes(_own.AsSpan()));
    }

    /// <summary>Reads a state that <see cref="Write"/> wrote for as many images.</summary>
    /// <param name="reader">Where it stands.</param>
    /// <param name="done">Images that were added, from the first on.</param>
    /// <exception cref="InvalidDataException">It holds what no sums of these images are.</exception>
    /// <exception cref="EndOfStreamException">It ends early.</exception>
    public void Read(BinaryReader reader, int done)
    {
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(_sums.AsSpan()));
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(_reference.AsSpan()));
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(_own.AsSpan()));
        if (!Array.TrueForAll(_sums, s => double.IsFinite(s.R + s.X + s.RR + s.XX + s.RX + s.Error)) || !Array.TrueForAll(_reference, float.IsFinite) || !Array.TrueForAll(_own, float.IsFinite))
            throw new InvalidDataException("a sum over an image is not finite");
        if (_sums.AsSpan(done * channels).ContainsAnyExcept(default(Sums))) throw new InvalidDataException($"it has sums of more than {done} images");
    }

    private double[] Each(Func<Sums, double> part)
    {
        var values = new double[images];
        for (int i = 0; i < _sums.Length; i++) values[i / channels] += part(_sums[i]);
        return values;
    }
}
