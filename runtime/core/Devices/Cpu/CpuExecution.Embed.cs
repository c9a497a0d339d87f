using Specializer.Kernels;

namespace Specializer;

internal sealed unsafe partial class CpuExecution
{
    public override void Embed<TShape>(EmbeddingWeights weights, Activation vectors, int step, TShape shape = default)
    {
        Enter();
        int steps = shape.Steps, length = shape.Vectors, embedding = shape.Embedding, classes = shape.Classes;
        CheckEmbedding(vectors, _vectors, step, shape);
        Map to = Floats(vectors, length);
        _vectorLength = length;

        if (embedding == 0)
        {
            var row = new ReadOnlySpan<float>(_weights.FindVectors(weights, steps, length) + (long)step * length, length);
            for (int image = 0; image < Batch; image++) row.CopyTo(new Span<float>(to.Image(image), length));
            return;
        }

        CheckLabels(classes);
        int panels = Panels.Count(length);
        _weights.Find(weights, steps, classes, embedding, panels, out float* time, out float* labels, out byte* projection, out float* bias);
        float* activated = (float*)_scratch.Reserve((long)Batch * embedding * sizeof(float));
        for (int image = 0; image < Batch; image++)
            EmbeddingWork.Activate(time + (long)step * embedding, labels + (long)_labels[image] * embedding, embedding, activated + (long)image * embedding);

        var work = new EmbeddingWork
        {
            Batch = Batch, Embedding = embedding, Vectors = length, Activated = activated,
            Projection = projection, Bias = bias, Output = to.Start, OutputStride = to.Stride,
        };
        Run(panels, ref work, Grain((long)Batch * embedding, 0.5));
    }
}
