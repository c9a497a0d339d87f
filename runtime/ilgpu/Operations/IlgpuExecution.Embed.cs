using Specializer.Ilgpu.Kernels;

namespace Specializer.Ilgpu;

internal sealed partial class IlgpuExecution
{
    public override void Embed<TShape>(EmbeddingWeights weights, Activation vectors, int step, TShape shape = default)
    {
        Enter();
        EmbeddingDimensions s = EmbeddingDimensions.Of(shape);
        CheckEmbedding(vectors, _vectors, step, s);
        var a = new EmbeddingArguments { Shape = s, Batch = Batch, Step = step, Labels = _memory.Labels, Vectors = Floats(vectors, s.Vectors, Access.Write) };
        _vectorLength = s.Vectors;
        _weights.Find(weights, ref a);
        a.Activated = a.Time;
        if (s.Embedding == 0)
        {
            Launch(EmbeddingKernel.Copy, (long)Batch * s.Vectors, a);
            return;
        }

        CheckLabels(s.Classes);
        int blocks = Batch * EmbeddingKernel.Blocks(s.Vectors);
        a.Activated = Working((long)blocks * s.Embedding * sizeof(float)).Cast<float>();
        LaunchParts(EmbeddingKernel.Project, blocks, EmbeddingKernel.Block, a);
    }
}
