namespace Specializer.Text;

/// <summary>A prompt as the text encoder takes it: one or more chunks of equal length, each with its own first and last token.</summary>
public sealed class TokenizedPrompt
{
    internal TokenizedPrompt(int[] ids, float[] weights, int chunkLength, int tokens) => (Ids, Weights, ChunkLength, Tokens) = (ids, weights, chunkLength, tokens);

    /// <summary>Ids of all chunks, one after the other: <see cref="Chunks"/> · <see cref="ChunkLength"/>.</summary>
    public ReadOnlyMemory<int> Ids { get; }

    /// <summary>For each id how much its word counts; 1 for what no weight was given, and for the tokens around a chunk.</summary>
    public ReadOnlyMemory<float> Weights { get; }

    /// <summary>Tokens of a chunk.</summary>
    public int ChunkLength { get; }

    /// <summary>Number of chunks, at least 1.</summary>
    public int Chunks => Ids.Length / ChunkLength;

    /// <summary>Tokens of the prompt itself, without first, last and padding.</summary>
    public int Tokens { get; }

    /// <summary>The ids of one chunk, for one evaluation of the text encoder.</summary>
    /// <param name="index">0 to <see cref="Chunks"/> − 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">No such chunk.</exception>
    public ReadOnlyMemory<int> Chunk(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Chunks);
        return Ids.Slice(index * ChunkLength, ChunkLength);
    }
}
