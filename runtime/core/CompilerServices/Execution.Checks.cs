namespace Specializer.CompilerServices;

// What every device refuses, in the same words.
public abstract partial class Execution
{
    private protected CancellationToken _cancellation;
    private protected RunParameters _run = new(0, 0, 0, 1f);

    /// <summary>A label for each image of the batch, or none.</summary>
    private protected int[] _labels = [];

    /// <summary>How many <see cref="_labels"/> the run has given.</summary>
    private protected int _labelCount;

    /// <summary>Elements of an image's step vectors, known from the first <see cref="Embed"/> on.</summary>
    private protected int _vectorLength;

    private protected bool IsDisposed { get; set; }

    /// <summary>Images that the solver steps: of a guided pair one.</summary>
    private protected int DrawnImages => Guided ? Batch / 2 : Batch;

    /// <summary>What every operation does first.</summary>
    private protected void CheckRun()
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (Batch == 0) throw new InvalidOperationException("Begin a run before its operations.");
        _cancellation.ThrowIfCancellationRequested();
    }

    /// <summary>What a run needs, before anything of it is done.</summary>
    private protected void CheckBegin(int batch, ReadOnlySpan<int> labels)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (batch < 1 || batch > Capacity)
            throw new ArgumentException($"A batch of {batch} does not fit a session of capacity {Capacity}.", nameof(batch));
        if (labels.Length != 0 && labels.Length != batch)
            throw new ArgumentException($"{labels.Length} labels for a batch of {batch}: give none, or one for each (both halves under guidance).", nameof(labels));
    }

    /// <summary>Takes over what identifies a run.</summary>
    private protected void SetRun(int batch, RunParameters run, ReadOnlySpan<int> labels, CancellationToken cancellation)
    {
        if (_labels.Length < labels.Length) _labels = new int[Capacity];
        labels.CopyTo(_labels);
        _labelCount = labels.Length;
        Batch = batch;
        _run = run;
        Guided = run.Guidance != 1f;
        _cancellation = cancellation;
    }

    private protected int ImagesIn(int elements, int elementsPerImage)
    {
        if (elements % elementsPerImage != 0 || elements / elementsPerImage > Capacity)
            throw new ArgumentException($"{elements} elements are not a whole number of images of {elementsPerImage}, or more than the {Capacity} this session holds.");
        return elements / elementsPerImage;
    }

    /// <summary>Where a map of all images starts, and from image to image.</summary>
    private protected (long Start, long Stride) Place(Activation map, long bytesPerImage, long arenaBytes)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        long stride = (bytesPerImage + 63) & ~63L, start = (long)Capacity * map.Offset;
        if (bytesPerImage <= 0 || map.Offset < 0 || map.Offset % 64 != 0 || start + Capacity * stride > arenaBytes)
            throw new ArgumentException($"A map of {bytesPerImage} bytes at offset {map.Offset} does not lie in the session's arena of {arenaBytes / Capacity} bytes per image.");
        return (start, stride);
    }

    private protected static (int Pixels, int Channels) PixelsOf<TShape>(TShape s)
        where TShape : struct, IMapShape =>
        s.Height > 0 && s.Width > 0 && s.Channels > 0 && (long)s.Height * s.Width <= int.MaxValue ? (s.Height * s.Width, s.Channels)
            : throw new ArgumentException($"A map of {s.Height}×{s.Width}×{s.Channels} is not usable: its sizes must be positive.");

    private protected static void CheckElementSize(int elementSize)
    {
        if (elementSize is not (1 or 2))
            throw new ArgumentException($"A quantized element has 1 byte, or 2 for convolutions with 8-bit weights; not {elementSize}.");
    }

    private protected static Quantization Checked(Quantization q)
    {
        if (!(q.Scale > 0f) || !float.IsFinite(q.Scale) || q.Levels is < 1 or > 255 || q.ZeroPoint < 0 || q.ZeroPoint > q.Levels)
            throw new ArgumentException($"{q} is no usable quantization: the scale must be positive and finite, the levels 1 to 255, the zero point within them.");
        return q;
    }

    private protected static void CheckGroupNorm<TShape>(TShape s)
        where TShape : struct, IGroupNormShape
    {
        if (s.Height < 1 || s.Width < 1 || s.Channels < 1 || s.SkipChannels < 0 || s.Groups < 1 || (s.Channels + s.SkipChannels) % s.Groups != 0)
            throw new ArgumentException($"Group normalisation of {s.Height}×{s.Width}×({s.Channels}+{s.SkipChannels}) in {s.Groups} groups is not usable: sizes must be positive, and groups divide the channels.");
    }

    private protected static void CheckAttention(int tokens, int contextTokens, int heads, int channels)
    {
        if (tokens < 1 || contextTokens < 1 || heads < 1 || channels < 1)
            throw new ArgumentException($"Attention of {tokens} tokens over {contextTokens}, {heads} heads of {channels} channels, is not usable: all must be positive.");
    }

    /// <summary>Sums of 8-bit products must fit 32 bits.</summary>
    private protected static void CheckQuantizedAttention(int contextTokens, int channels)
    {
        if (Math.Max(contextTokens, channels) * 255L * 255 > int.MaxValue)
            throw new ArgumentException($"Attention over {contextTokens} tokens with {channels} channels a head can leave 32 bits when its products are quantized; leave them in FP32.");
    }

    private protected void CheckEmbedding<TShape>(Activation vectors, Activation planned, int step, TShape s)
        where TShape : struct, IEmbeddingShape
    {
        if (s.Steps < 1 || s.Vectors < 1 || s.Embedding < 0 || s.Classes < 0 || (s.Embedding == 0) != (s.Classes == 0))
            throw new ArgumentException($"An embedding of {s.Steps} steps, {s.Classes} classes, width {s.Embedding} and {s.Vectors} vector elements is not usable.");
        if (step < 0 || step >= s.Steps) throw new ArgumentOutOfRangeException(nameof(step), step, $"The time table has {s.Steps} rows.");
        if (vectors != planned) throw new ArgumentException($"The step vectors were planned at offset {planned.Offset}, not {vectors.Offset}.", nameof(vectors));
    }

    /// <summary>Each image has a label, and one that there is.</summary>
    private protected void CheckLabels(int classes)
    {
        if (_labelCount == 0) throw new InvalidOperationException("The network is class-conditional: begin the run with a label for each image.");
        for (int image = 0; image < Batch; image++)
            if ((uint)_labels[image] >= (uint)classes)
                throw new ArgumentException($"Label {_labels[image]} of image {image} is outside 0 to {classes - 1}.");
    }

    /// <summary>Two vectors of so many channels lie among the step vectors.</summary>
    private protected void CheckVectors(int vector, int channels)
    {
        if (vector < 0 || vector + 2L * channels > _vectorLength)
            throw new ArgumentOutOfRangeException(nameof(vector), $"The elements {vector} to {vector + 2L * channels - 1} do not lie within the {_vectorLength} step vectors.");
    }

    private protected static void CheckResampling<TShape>(bool halve, TShape s)
        where TShape : struct, IMapShape
    {
        if (!halve && (s.Height % 2 != 0 || s.Width % 2 != 0))
            throw new ArgumentException($"A map of {s.Height}×{s.Width} pixels is not twice another.");
    }
}
