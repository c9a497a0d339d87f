using Specializer.Kernels;

namespace Specializer;

internal sealed unsafe partial class CpuExecution
{
    /// <summary>Elements of an image's step vectors, known from the first <see cref="Embed"/> on.</summary>
    private int _vectorLength;

    public override void Embed<TShape>(EmbeddingWeights weights, Activation vectors, int step, TShape shape = default)
    {
        Enter();
        int steps = shape.Steps, length = shape.Vectors, embedding = shape.Embedding, classes = shape.Classes;
        if (steps < 1 || length < 1 || embedding < 0 || classes < 0 || (embedding == 0) != (classes == 0))
            throw new ArgumentException($"An embedding of {steps} steps, {classes} classes, width {embedding} and {length} vector elements is not usable.");
        if (step < 0 || step >= steps) throw new ArgumentOutOfRangeException(nameof(step), step, $"The time table has {steps} rows.");
        if (vectors != _vectors) throw new ArgumentException($"The step vectors were planned at offset {_vectors.Offset}, not {vectors.Offset}.", nameof(vectors));
        Map to = Floats(vectors, length);
        _vectorLength = length;

        if (embedding == 0)
        {
            var row = new ReadOnlySpan<float>(_weights.FindVectors(weights, steps, length) + (long)step * length, length);
            for (int image = 0; image < Batch; image++) row.CopyTo(new Span<float>(to.Image(image), length));
            return;
        }

        if (_labelCount == 0) throw new InvalidOperationException("The network is class-conditional: begin the run with a label for each image.");
        int panels = Panels.Count(length);
        _weights.Find(weights, steps, classes, embedding, panels, out float* time, out float* labels, out byte* projection, out float* bias);
        float* activated = (float*)_scratch.Reserve((long)Batch * embedding * sizeof(float));
        for (int image = 0; image < Batch; image++)
        {
            if ((uint)_labels[image] >= (uint)classes)
                throw new ArgumentException($"Label {_labels[image]} of image {image} is outside 0 to {classes - 1}.");
            EmbeddingWork.Activate(time + (long)step * embedding, labels + (long)_labels[image] * embedding, embedding, activated + (long)image * embedding);
        }

        var work = new EmbeddingWork
        {
            Batch = Batch, Embedding = embedding, Vectors = length, Activated = activated,
            Projection = projection, Bias = bias, Output = to.Start, OutputStride = to.Stride,
        };
        Run(panels, ref work, Grain((long)Batch * embedding, 0.5));
    }
}
