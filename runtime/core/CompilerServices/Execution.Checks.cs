using System.Runtime.CompilerServices;
using Specializer.Kernels;

namespace Specializer.CompilerServices;

// What every device refuses, in the same words.
public abstract partial class Execution
{
    private protected CancellationToken _cancellation;

    /// <summary>The drawn images: see <see cref="DrawnImages"/>.</summary>
    private protected DrawnImage[] _images = [];

    /// <summary>σ' of the guided images, once <see cref="Guide"/> has found it for the step.</summary>
    private protected float[] _sigmas = [];

    /// <summary>c of the guided images, found with it.</summary>
    private protected float[] _removed = [];
    private bool _hasSigmas;

    /// <summary>A label for each image of the batch, or none.</summary>
    private protected int[] _labels = [];

    /// <summary>How many <see cref="_labels"/> the run has given.</summary>
    private protected int _labelCount;

    /// <summary>Elements of an image's step vectors, known from the first <see cref="Embed"/> on.</summary>
    private protected int _vectorLength;

    private protected bool IsDisposed { get; set; }

    /// <summary>Images that the solver steps.</summary>
    internal int DrawnImages { get; private set; }

    /// <summary>As many of them, the first ones, are guided: the batch has these once more, behind the drawn ones.</summary>
    private protected int GuidedImages { get; private set; }

    /// <summary>What every operation does first.</summary>
    private protected void CheckRun()
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (Batch == 0) throw new InvalidOperationException("Begin a run before its operations.");
        _cancellation.ThrowIfCancellationRequested();
    }

    /// <summary>What a run needs, before anything of it is done.</summary>
    private void CheckBegin(ReadOnlySpan<DrawnImage> images, ReadOnlySpan<int> labels)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        long batch = images.Length;
        for (int i = 0; i < images.Length; i++)
        {
            if (!float.IsFinite(images[i].Guidance)) throw new ArgumentException($"Guidance {images[i].Guidance} is not a finite number.", nameof(images));
            if (!images[i].IsGuided) continue;
            if (i > 0 && !images[i - 1].IsGuided) throw new ArgumentException("Guided images come first.", nameof(images));
            batch++;
        }

        if (batch < 1 || batch > Capacity)
            throw new ArgumentException($"A batch of {batch} does not fit a session of capacity {Capacity}.", nameof(images));
        if (labels.Length != 0 && labels.Length != batch)
            throw new ArgumentException($"{labels.Length} labels for a batch of {batch}: give none, or one for each (two for a guided image).", nameof(labels));
    }

    /// <summary>Takes over what identifies a run.</summary>
    private protected void SetRun(ReadOnlySpan<DrawnImage> images, ReadOnlySpan<int> labels, CancellationToken cancellation)
    {
        if (_images.Length < images.Length) (_images, _sigmas, _removed) = (new DrawnImage[Capacity], new float[Capacity], new float[Capacity]);
        images.CopyTo(_images);
        DrawnImages = images.Length;
        GuidedImages = 0;
        while (GuidedImages < images.Length && images[GuidedImages].IsGuided) GuidedImages++;
        _hasSigmas = false;
        if (_labels.Length < labels.Length) _labels = new int[Capacity];
        labels.CopyTo(_labels);
        _labelCount = labels.Length;
        Batch = DrawnImages + GuidedImages;
        _cancellation = cancellation;
    }

    /// <summary>What guidance makes of each guided image at this step: a row of its guidance, its gain and an offset per channel. Its σ' and c are kept for the solver.</summary>
    /// <param name="moments">Of the step.</param>
    /// <param name="channels">Of the prediction.</param>
    /// <param name="rows">[guided image][2 + channels].</param>
    private protected void FindCorrections(in GuidanceMoments moments, int channels, Span<float> rows)
    {
        int length = GuidanceCorrection.RowLength(channels);
        for (int image = 0; image < GuidedImages; image++)
        {
            Span<float> row = rows.Slice(image * length, length);
            float guidance = _images[image].Guidance;
            if (image > 0 && guidance == _images[image - 1].Guidance)
            {
                rows.Slice((image - 1) * length, length).CopyTo(row);
                (_sigmas[image], _removed[image]) = (_sigmas[image - 1], _removed[image - 1]);
                continue;
            }

            GuidanceCorrection correction = GuidanceCorrection.Of(moments, guidance, row[GuidanceCorrection.FirstOffset..]);
            (row[GuidanceCorrection.GuidanceAt], row[GuidanceCorrection.GainAt], _sigmas[image], _removed[image]) = (guidance, correction.Gain, correction.Sigma, correction.Removed);
        }

        _hasSigmas = true;
    }

    /// <summary>Each step's σ' or c is found before it is used, and used once.</summary>
    private protected void CheckSigma(ReadOnlySpan<SolverStatement> statements)
    {
        if (GuidedImages == 0) return;
        foreach (ref readonly SolverStatement statement in statements)
        {
            if (statement.Sum.SigmaTerm < 0) continue;
            if (!_hasSigmas) throw new InvalidOperationException("Guide this step's output before solving: σ follows from its moments.");
            _hasSigmas = false;
        }
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

    // Optimized at once: sizes are then literals in it, rather than methods that are each compiled for every shape.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
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

    /// <summary>The vector that a convolution adds lies among the step vectors.</summary>
    private protected void CheckVector(int vector, int channels)
    {
        if (vector + channels > _vectorLength)
            throw new ArgumentException($"Channels {vector} to {vector + channels - 1} of the step vectors were asked for; Embed has written {_vectorLength}.", nameof(vector));
    }

    /// <summary>The images whose mean a convolution corrects: those that are not guided, or none.</summary>
    private protected (int From, int To) Corrected(Correction correction, int channels)
    {
        // A default correction has gain 0, which no real one has.
        if (correction.Gain is 0f or 1f && correction.Offset.Length == 0) return default;
        if (correction.Offset.Length != 0 && correction.Offset.Length != channels)
            throw new ArgumentException($"The correction has {correction.Offset.Length} offsets for {channels} channels.", nameof(correction));
        return (GuidedImages, DrawnImages);
    }

    private protected static void CheckWeightBits(bool integers, int bits)
    {
        if (integers && bits is not (4 or 8))
            throw new ArgumentException($"An integer convolution has weights of 4 or 8 bits, not {bits}; FP32 weights take an FP32 map.");
        if (!integers && bits is not (16 or 32))
            throw new ArgumentException($"An FP32 convolution has weights of 16 or 32 bits, not {bits}; integer weights take a quantized map.");
    }

    private protected static void CheckTableBits(int bits)
    {
        if (bits is not (16 or 32)) throw new ArgumentException($"A table has numbers of 16 or 32 bits, not {bits}.");
    }

    /// <summary>The sums stay exact: no product sum can leave 32 bits.</summary>
    private protected static void CheckExact(in ConvolutionGeometry geometry, Quantization from, int bits)
    {
        Checked(from);
        long products = (long)geometry.Taps * 4 * geometry.ChannelGroups;
        if (products * from.Levels * (bits == 4 ? NibbleTile.LargestWeight : 128) > int.MaxValue)
            throw new ArgumentException($"A sum of {products} products can leave 32 bits; the convolution has too many input channels or taps for {bits}-bit weights.");
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
