namespace Specializer.Calibration;

/// <summary>Moments of a layer's input columns in diagonal blocks: products between blocks are not kept, so that memory and rounding stay within bounds however long a column is.</summary>
internal sealed class ColumnMoments
{
    /// <summary>Longest block: 9 taps of 512 channels.</summary>
    public const int LongestBlock = 4608;

    private ColumnMoments(InputMoments[] blocks) => Blocks = blocks;

    /// <param name="size">Length of a column.</param>
    /// <param name="largest">Largest magnitude that is represented; beyond it inputs are clamped.</param>
    public ColumnMoments(int size, float largest)
        : this(Array.ConvertAll(Sizes(size), block => new InputMoments(block, largest)))
    {
    }

    /// <summary>The blocks, one behind the other.</summary>
    public IReadOnlyList<InputMoments> Blocks { get; }

    /// <summary>Lengths of the blocks of a column: as few as there can be, and as equal.</summary>
    public static int[] Sizes(int size)
    {
        int count = (size + LongestBlock - 1) / LongestBlock;
        return [.. Enumerable.Range(0, count).Select(i => (int)((long)size * (i + 1) / count - (long)size * i / count))];
    }

    /// <summary>Bytes that the moments of columns take.</summary>
    public static long Bytes(int size) => Sizes(size).Sum(InputMoments.Bytes);

    /// <summary>Adds columns.</summary>
    /// <param name="column">One column.</param>
    /// <param name="threads">Threads to use.</param>
    public void Add(ReadOnlySpan<float> column, int threads)
    {
        foreach (InputMoments block in Blocks)
        {
            block.Add(column[..block.Size], threads);
            column = column[block.Size..];
        }
    }

    /// <summary>Adds what other moments of the same scale hold.</summary>
    public void Merge(ColumnMoments other)
    {
        for (int b = 0; b < Blocks.Count; b++) Blocks[b].Merge(other.Blocks[b]);
    }

    /// <summary>Writes the state.</summary>
    public void Write(BinaryWriter writer)
    {
        foreach (InputMoments block in Blocks) block.Write(writer);
    }

    /// <summary>Reads a state that <see cref="Write"/> wrote.</summary>
    /// <param name="reader">Where it stands.</param>
    /// <param name="size">Length of a column.</param>
    /// <param name="count">Columns that were added.</param>
    /// <exception cref="InvalidDataException">It holds what no moments of so many columns have.</exception>
    public static ColumnMoments Read(BinaryReader reader, int size, long count) => new(Array.ConvertAll(Sizes(size), block => InputMoments.Read(reader, block, count)));
}
