using System.ComponentModel;

namespace Specializer.CompilerServices;

/// <summary>One session's working memory on one device, and the operations that run in it. Generated samplers and the
/// calibration interpreter call the same members, so both give the same bits (docs/arithmetic.md states each operation's order).</summary>
/// <remarks>Serves one thread at a time. Every operation works on all images of the current batch. Operations check the
/// cancellation token of the running call before they start.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public abstract partial class Execution : IDisposable
{
    // Derived from here and in Specializer.Ilgpu alone: members that a device must have are internal.
    private protected Execution()
    {
    }

    /// <summary>Images that the arena was sized for.</summary>
    public abstract int Capacity { get; }

    /// <summary>Images of the current batch: the drawn ones, those under classifier-free guidance first; then these once more, without their condition.</summary>
    /// <remarks>Of a guided image the convolution leaves the correction to <see cref="Guide"/>, and its <see cref="StepSigma"/> comes from there.</remarks>
    public int Batch { get; private protected set; }

    /// <summary>The evaluation at which this run began with a picture; −1 of a run that began with noise.</summary>
    internal int Start { get; set; } = -1;

    /// <summary>How many evaluations before a step this run began with a picture; <see cref="int.MaxValue"/> where it began with noise.</summary>
    /// <param name="step">Index of the step.</param>
    public int Age(int step) => Start < 0 ? int.MaxValue : step - Start;

    /// <summary>q = clamp(round(x / scale)) + zero point.</summary>
    /// <param name="x">FP32 map.</param>
    /// <param name="q">Quantized map.</param>
    /// <param name="to">Target quantization.</param>
    /// <param name="shape">Static shape.</param>
    public abstract void Quantize<TShape>(Activation x, Activation q, Quantization to, TShape shape = default)
        where TShape : struct, IMapShape;

    /// <summary>Group normalisation with affine map and non-linearity, FP32 to FP32.</summary>
    /// <param name="weights">Gamma and beta over all channels.</param>
    /// <param name="x">First map.</param>
    /// <param name="y">Result for the first map; may be <paramref name="x"/>.</param>
    /// <param name="skip">Second map of a skip concatenation; ignored when the shape has no skip channels.</param>
    /// <param name="ySkip">Result for the second map.</param>
    /// <param name="shape">Static shape.</param>
    public abstract void Normalize<TShape>(NormWeights weights, Activation x, Activation y,
        Activation skip = default, Activation ySkip = default, TShape shape = default)
        where TShape : struct, IGroupNormShape;

    /// <summary>Group normalisation with affine map and non-linearity, quantized in the same pass. The two maps of a skip
    /// concatenation have different ranges and are quantized apart.</summary>
    /// <param name="weights">Gamma and beta over all channels.</param>
    /// <param name="x">First map, FP32.</param>
    /// <param name="q">Quantized result for the first map.</param>
    /// <param name="to">Its quantization.</param>
    /// <param name="skip">Second map, FP32; ignored when the shape has no skip channels.</param>
    /// <param name="qSkip">Quantized result for the second map.</param>
    /// <param name="skipTo">Its quantization.</param>
    /// <param name="shape">Static shape.</param>
    public abstract void NormalizeQuantize<TShape>(NormWeights weights, Activation x, Activation q, Quantization to,
        Activation skip = default, Activation qSkip = default, Quantization skipTo = default, TShape shape = default)
        where TShape : struct, IGroupNormShape;

    /// <summary>Convolution in exact integers: y = scale·scale_w[c]·(Σ (q − z)·w) + bias[c], then the options in this order:
    /// + vector[n, c], + residual, · OutputScale, correction.</summary>
    /// <param name="weights">Packed 4- or 8-bit weights.</param>
    /// <param name="q">Quantized map.</param>
    /// <param name="from">Its quantization.</param>
    /// <param name="y">FP32 result.</param>
    /// <param name="vector">Channel of the step vectors to add from (<see cref="Embed"/>), or −1.</param>
    /// <param name="residual">FP32 map to add (may be <paramref name="y"/>), or null.</param>
    /// <param name="correction">Mean correction (output convolution only); the default means none. Not applied to guided images.</param>
    /// <param name="shape">Static shape.</param>
    public abstract void Convolve<TShape>(ConvolutionWeights weights, Activation q, Quantization from, Activation y,
        int vector = -1, Activation? residual = null, Correction correction = default, TShape shape = default)
        where TShape : struct, IConvolutionShape;

    /// <summary>FP32 convolution, accumulated K-sequentially (tap row, tap column, input channel) with fused multiply-add, then bias and the same options.</summary>
    /// <param name="weights">Packed FP32 weights.</param>
    /// <param name="x">FP32 map.</param>
    /// <param name="y">FP32 result.</param>
    /// <param name="vector">Channel of the step vectors to add from, or −1.</param>
    /// <param name="residual">FP32 map to add (may be <paramref name="y"/>), or null.</param>
    /// <param name="correction">Mean correction, as in <see cref="Convolve{TShape}(ConvolutionWeights, Activation, Quantization, Activation, int, Activation?, Correction, TShape)"/>.</param>
    /// <param name="shape">Static shape.</param>
    public abstract void Convolve<TShape>(ConvolutionWeights weights, Activation x, Activation y,
        int vector = -1, Activation? residual = null, Correction correction = default, TShape shape = default)
        where TShape : struct, IConvolutionShape;

    /// <summary>y = softmax(q·kᵀ / √HeadChannels)·v per head, FP32.</summary>
    /// <param name="qkv">FP32 map of 3·Heads·HeadChannels channels.</param>
    /// <param name="y">FP32 map of Heads·HeadChannels channels.</param>
    /// <param name="shape">Static shape.</param>
    public abstract void Attend<TShape>(Activation qkv, Activation y, TShape shape = default)
        where TShape : struct, IAttentionShape;

    /// <summary>The same with both products in exact integers: queries, keys and values are quantized per tensor; softmax's exponentials,
    /// whose largest is 1, to 255 levels.</summary>
    /// <param name="qkv">FP32 map of 3·Heads·HeadChannels channels.</param>
    /// <param name="y">FP32 map of Heads·HeadChannels channels.</param>
    /// <param name="query">Quantization of the first third of the channels.</param>
    /// <param name="key">Of the second.</param>
    /// <param name="value">Of the last.</param>
    /// <param name="shape">Static shape; at most 33,025 tokens and as many channels per head, so that the sums fit 32 bits.</param>
    public abstract void Attend<TShape>(Activation qkv, Activation y, Quantization query, Quantization key, Quantization value, TShape shape = default)
        where TShape : struct, IAttentionShape;

    /// <summary>Computes this step's vectors for every image: projection·silu(time[step] + label[n]) + bias, or copies the folded row of an unconditional network.</summary>
    /// <param name="weights">Tables and projections.</param>
    /// <param name="vectors">FP32 [Vectors] per image.</param>
    /// <param name="step">Row of the time table.</param>
    /// <param name="shape">Static shape.</param>
    public abstract void Embed<TShape>(EmbeddingWeights weights, Activation vectors, int step, TShape shape = default)
        where TShape : struct, IEmbeddingShape;

    /// <summary>For each guided image: combines its two predictions, ε̂ = (1−g)·ε̂_u + g·ε̂_c, and corrects with k, μ and σ' of its g, which follow from the joint
    /// moments. Does nothing to others.</summary>
    /// <param name="epsilon">The network's output; the corrected combination replaces the conditional prediction.</param>
    /// <param name="moments">This step's joint moments: see <see cref="GuidanceMoments"/>.</param>
    /// <param name="shape">Static shape of the output.</param>
    public abstract void Guide<TShape>(Activation epsilon, in GuidanceMoments moments, TShape shape = default)
        where TShape : struct, IMapShape;

    /// <summary>Statements of the solver in one pass, in order and element by element, on the drawn images. Each takes what those before it left.</summary>
    /// <param name="step">Index of the step that ends here; −1 for what makes the first state, the number of steps for what becomes of the last.</param>
    /// <param name="statements">At least one.</param>
    /// <param name="shape">Static shape of a register.</param>
    /// <exception cref="InvalidOperationException">A statement takes σ' of guided images, and the step's output is not guided yet.</exception>
    public abstract void Solve<TShape>(int step, ReadOnlySpan<SolverStatement> statements, TShape shape = default)
        where TShape : struct, IMapShape;

    /// <summary>Dynamic thresholding (Saharia et al. 2022): s = the quantile of an image's |r|, within [1, maximum]; r ← min(max(r, −s), s)/s.</summary>
    /// <param name="step">As for <see cref="Solve"/>.</param>
    /// <param name="register">r; has memory.</param>
    /// <param name="quantile">In [0, 1]; interpolated linearly between neighbours in order.</param>
    /// <param name="maximum">Largest s; at least 1.</param>
    /// <param name="shape">Static shape of a register.</param>
    public abstract void Threshold<TShape>(int step, SolverRegister register, float quantile, float maximum, TShape shape = default)
        where TShape : struct, IMapShape;

    /// <summary>Called once, before the first run, by whoever knows all steps. A device whose first run would be slower than others (it compiles kernels,
    /// repacks weights, allocates) calls <paramref name="steps"/>, whose operations then do that and nothing else. Others need nothing.</summary>
    /// <param name="steps">Calls every operation of every step once.</param>
    internal virtual void Prepare(Action steps)
    {
    }

    /// <summary>Lets the operations that follow work on the first images of the batch alone.</summary>
    /// <returns>As many as they worked on before.</returns>
    internal int Restrict(int images)
    {
        int before = Batch;
        Batch = images;
        return before;
    }

    /// <summary>Starts a run over drawn images.</summary>
    /// <param name="images">At least one; those under guidance first.</param>
    /// <param name="labels">None, or one for each image of the batch.</param>
    /// <param name="cancellation">Acts within the run's operations.</param>
    internal void Begin(ReadOnlySpan<DrawnImage> images, ReadOnlySpan<int> labels, CancellationToken cancellation)
    {
        CheckBegin(images, labels);
        Start = -1;
        SetRun(images, labels, cancellation);
        BeginRun();
        cancellation.ThrowIfCancellationRequested();
    }

    /// <summary>Sets the batch; the calibration interpreter then writes its own states.</summary>
    internal void Begin(int images, ReadOnlySpan<int> labels, CancellationToken cancellation) => Begin(DrawnImage.Consecutive(images, 0, 0, 1f), labels, cancellation);

    /// <summary>What a device does for a run that is about to begin.</summary>
    private protected virtual void BeginRun()
    {
    }

    /// <summary>Copies images out of an FP32 map (host memory, NHWC).</summary>
    internal abstract void Read(Activation map, int elementsPerImage, Span<float> destination);

    /// <summary>Copies images into an FP32 map: image n of <paramref name="source"/> becomes image n of the batch.</summary>
    internal abstract void Write(Activation map, int elementsPerImage, ReadOnlySpan<float> source);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the arena.</summary>
    protected abstract void Dispose(bool disposing);
}
