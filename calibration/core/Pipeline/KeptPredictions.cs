using System.Runtime.InteropServices;

namespace Specializer.Calibration;

/// <summary>FP32's predictions along a calibration's own trajectories, in a checkpoint that grows: a phase that asks for them again need not evaluate the network. Nothing of them is in memory.
/// What is missing, or cannot be used, is computed as if none were kept.</summary>
internal sealed class KeptPredictions
{
    // On the disk. Of large networks, whose evaluations take long, all fit.
    private const long Most = 256L << 20;

    private readonly AppendedFile _file;
    private readonly Dictionary<(long First, int Images, int Step), long> _offsets = [];
    private readonly CalibrationOptions _options;
    private readonly int _elements;
    private readonly bool _learnsVariance;

    private KeptPredictions(AppendedFile file, ImportedModel model, CalibrationOptions options)
    {
        (_file, Model, _options, _elements, _learnsVariance) = (file, model, options, model.Height * model.Width * model.Channels, model.Network.Outputs.Count > 0);
        file.ReadAll((offset, reader) =>
        {
            var key = (First: reader.ReadInt64(), Images: reader.ReadInt32(), Step: reader.ReadInt32());
            if (key.First < 0 || key.Images is < 1 or > ReferenceTrajectories.UnitImages || key.First > options.Trajectories - key.Images || key.Step < 0 || key.Step >= options.Evaluations)
                throw new InvalidDataException($"{key.Images} images from {key.First} on at evaluation {key.Step} are none of this calibration");
            float[][] values = Read(reader, key.Images);
            if (!values.All(v => Array.TrueForAll(v, float.IsFinite))) throw new InvalidDataException("a prediction is not finite");
            _offsets[key] = offset;
        });
    }

    /// <summary>Whose predictions they are.</summary>
    public ImportedModel Model { get; }

    /// <summary>Those of a checkpoint; null where nothing is kept, or where all of them together are too many.</summary>
    /// <param name="checkpoint">Of the solver.</param>
    /// <param name="model">The model.</param>
    /// <param name="options">Of the calibration.</param>
    public static KeptPredictions? In(Checkpoint checkpoint, ImportedModel model, CalibrationOptions options) =>
        Bytes(model, options) <= Most && checkpoint.Appended("predictions") is { } file ? new(file, model, options) : null;

    /// <summary>Bytes on the disk at most.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">Of the calibration, with the evaluations of all solvers.</param>
    /// <param name="solvers">How many there are.</param>
    public static long Disk(ImportedModel model, CalibrationOptions options, int solvers) =>
        Bytes(model, options) is var bytes && solvers == 1 && bytes > Most ? 0 : Math.Min(bytes, solvers * Most);

    /// <summary>Whether a whole trajectory is kept.</summary>
    /// <param name="first">Index of the first image.</param>
    /// <param name="images">Number of images.</param>
    public bool Has(long first, int images) => Enumerable.Range(0, _options.Evaluations).All(step => _offsets.ContainsKey((first, images, step)));

    /// <summary>Takes what is kept.</summary>
    /// <param name="first">Index of the first image.</param>
    /// <param name="images">Number of images.</param>
    /// <param name="step">Index of the evaluation.</param>
    /// <param name="conditional">Receives ε with each image's condition.</param>
    /// <param name="unconditional">Receives ε without; empty when guidance is not calibrated.</param>
    /// <returns>What FP32 says of the variance, empty where it says nothing; null where nothing is kept.</returns>
    public float[]? Find(long first, int images, int step, float[] conditional, float[] unconditional)
    {
        if (!_offsets.TryGetValue((first, images, step), out long offset)) return null;
        float[][] values = _file.Read(offset, reader =>
        {
            reader.BaseStream.Position = sizeof(long) + 2 * sizeof(int);
            return Read(reader, images);
        });
        values[0].CopyTo(conditional, 0);
        values[1].CopyTo(unconditional, 0);
        return values[2];
    }

    /// <summary>Keeps predictions of the calibration's own trajectories, once.</summary>
    /// <param name="first">Index of the first image.</param>
    /// <param name="images">Number of images.</param>
    /// <param name="step">Index of the evaluation.</param>
    /// <param name="values">Conditional, unconditional and variance, as <see cref="Find"/> gives them.</param>
    public void Add(long first, int images, int step, params float[][] values)
    {
        if (first + images > _options.Trajectories || _offsets.ContainsKey((first, images, step))) return;
        _offsets[(first, images, step)] = _file.Append(writer =>
        {
            writer.Write(first);
            writer.Write(images);
            writer.Write(step);
            foreach (float[] one in values) writer.Write(MemoryMarshal.AsBytes(one.AsSpan()));
        });
    }

    private static long Bytes(ImportedModel model, CalibrationOptions options) =>
        (long)options.Trajectories * options.Evaluations * (WorkShares.Halves(options) + model.Network.Outputs.Count) * model.Height * model.Width * model.Channels * sizeof(float);

    private float[][] Read(BinaryReader reader, int images)
    {
        int length = images * _elements;
        float[][] values = [new float[length], new float[_options.Guided ? length : 0], new float[_learnsVariance ? length : 0]];
        if (values.Sum(v => (long)v.Length * sizeof(float)) != reader.BaseStream.Length - reader.BaseStream.Position) throw new InvalidDataException($"it has not the length of {images} predictions");
        foreach (float[] one in values) reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(one.AsSpan()));
        return values;
    }
}
