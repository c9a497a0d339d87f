using Specializer.Ilgpu.Kernels;

namespace Specializer.Ilgpu;

internal sealed partial class IlgpuExecution
{
    /// <summary>Elements of an image's step vectors, known from the first <see cref="Embed"/> on.</summary>
    private int _vectorLength;

    public override void Embed<TShape>(EmbeddingWeights weights, Activation vectors, int step, TShape shape = default)
    {
        Enter();
        EmbeddingDimensions s = EmbeddingDimensions.Of(shape);
        if (s.Steps < 1 || s.Vectors < 1 || s.Embedding < 0 || s.Classes < 0 || (s.Embedding == 0) != (s.Classes == 0))
            throw new ArgumentException($"An embedding of {s.Steps} steps, {s.Classes} classes, width {s.Embedding} and {s.Vectors} vector elements is not usable.");
        if (step < 0 || step >= s.Steps) throw new ArgumentOutOfRangeException(nameof(step), step, $"The time table has {s.Steps} rows.");
        if (vectors != _vectors) throw new ArgumentException($"The step vectors were planned at offset {_vectors.Offset}, not {vectors.Offset}.", nameof(vectors));
        var a = new EmbeddingArguments { Shape = s, Batch = Batch, Step = step, Labels = Labels, Vectors = Floats(vectors, s.Vectors, Access.Write) };
        _vectorLength = s.Vectors;
        _weights.Find(weights, ref a);
        a.Activated = a.Time;
        if (s.Embedding == 0)
        {
            Launch(EmbeddingKernel.Copy, (long)Batch * s.Vectors, a);
            return;
        }

        if (_hostLabels.Length == 0) throw new InvalidOperationException("The network is class-conditional: begin the run with a label for each image.");
        for (int image = 0; image < Batch; image++)
            if ((uint)_hostLabels[image] >= (uint)s.Classes)
                throw new ArgumentException($"Label {_hostLabels[image]} of image {image} is outside 0 to {s.Classes - 1}.");
        int blocks = Batch * EmbeddingKernel.Blocks(s.Vectors);
        a.Activated = Working((long)blocks * s.Embedding * sizeof(float)).Cast<float>();
        LaunchParts(EmbeddingKernel.Project, blocks, EmbeddingKernel.Block, a);
    }
}
