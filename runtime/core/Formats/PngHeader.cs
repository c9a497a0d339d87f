using System.Buffers.Binary;

namespace Specializer.Formats;

/// <summary>What a PNG file's header says, and how samples lie in its rows.</summary>
internal sealed record PngHeader
{
    private const int Gray = 0, Rgb = 2, Palette = 3, GrayAlpha = 4, RgbAlpha = 6;

    /// <summary>Adam7: where each of seven passes begins and how far apart its pixels are, rows before columns.</summary>
    private static readonly PngPass[] s_interlaced =
    [
        new(0, 0, 8, 8), new(0, 4, 8, 8), new(4, 0, 8, 4), new(0, 2, 4, 4), new(2, 0, 4, 2), new(0, 1, 2, 2), new(1, 0, 2, 1),
    ];

    private int _depth, _type;
    private bool _interlaced;

    public int Height { get; private init; }

    public int Width { get; private init; }

    /// <summary>Whether samples are numbers of colours.</summary>
    public bool IsPalette => _type == Palette;

    /// <summary>Channels of the picture: 1 or 3.</summary>
    public int Channels => _type is Gray or GrayAlpha ? 1 : 3;

    /// <summary>What is stored one after the other: the picture, or, of one that is interlaced, coarse pictures of it that have pixels.</summary>
    public IEnumerable<PngPass> Passes =>
        (_interlaced ? s_interlaced : [new(0, 0, 1, 1)]).Select(pass => pass.Within(Height, Width)).Where(pass => pass is { Rows: > 0, Columns: > 0 });

    /// <summary>Bytes of all rows, each with the byte that names its filter.</summary>
    public long StoredBytes => Passes.Sum(pass => (long)pass.Rows * (RowBytes(pass.Columns) + 1));

    /// <summary>Bytes of a pixel; 1 where several share a byte.</summary>
    public int PixelBytes => Math.Max(1, Stored * _depth / 8);

    /// <summary>Samples of a pixel in the file.</summary>
    private int Stored => _type switch { Rgb => 3, GrayAlpha => 2, RgbAlpha => 4, _ => 1 };

    /// <exception cref="InvalidDataException">It is malformed, or says what is not read.</exception>
    public static PngHeader Read(ReadOnlySpan<byte> chunk)
    {
        if (chunk.Length != 13) throw new InvalidDataException("has a header of another length than 13 bytes. Save the picture again.");
        uint width = BinaryPrimitives.ReadUInt32BigEndian(chunk), height = BinaryPrimitives.ReadUInt32BigEndian(chunk[4..]);
        int depth = chunk[8], type = chunk[9];
        if (width < 1 || height < 1 || width > PngReader.MaximumExtent || height > PngReader.MaximumExtent)
            throw new InvalidDataException($"is a picture of {height} × {width} pixels; 1 to {PngReader.MaximumExtent} are possible each way. Make it smaller.");
        bool known = type switch { Gray => depth is 1 or 2 or 4 or 8 or 16, Palette => depth is 1 or 2 or 4 or 8, Rgb or GrayAlpha or RgbAlpha => depth is 8 or 16, _ => false };
        if (!known || chunk[10] != 0 || chunk[11] != 0 || chunk[12] > 1) throw new InvalidDataException("is of a form that the standard does not know. Save the picture again.");
        return new() { Width = (int)width, Height = (int)height, _depth = depth, _type = type, _interlaced = chunk[12] == 1 };
    }

    /// <summary>Bytes of a row.</summary>
    /// <param name="columns">Its pixels.</param>
    public int RowBytes(int columns) => (columns * Stored * _depth + 7) / 8;

    /// <summary>A pass's row as gray or RGB of 8 bits.</summary>
    /// <param name="row">Without filter.</param>
    /// <param name="palette">Colours, 3 bytes each.</param>
    /// <param name="pass">The pass.</param>
    /// <param name="pixels">The picture's row: receives them where they belong.</param>
    /// <exception cref="InvalidDataException">The palette has no such colour.</exception>
    public void Samples(ReadOnlySpan<byte> row, ReadOnlySpan<byte> palette, PngPass pass, Span<byte> pixels)
    {
        for (int x = 0; x < pass.Columns; x++)
        {
            Span<byte> pixel = pixels.Slice((pass.Column + x * pass.ColumnStep) * Channels, Channels);
            if (IsPalette)
            {
                int colour = 3 * Sample(row, x);
                if (colour >= palette.Length) throw new InvalidDataException($"is damaged: a pixel has the colour {colour / 3}, and its palette has {palette.Length / 3}. Save the picture again.");
                palette.Slice(colour, 3).CopyTo(pixel);
                continue;
            }

            for (int channel = 0; channel < Channels; channel++) pixel[channel] = Level(Sample(row, x * Stored + channel));
        }
    }

    /// <summary>The sample of a number in a row; of 16 bits the upper 8.</summary>
    private int Sample(ReadOnlySpan<byte> row, int index) => _depth switch
    {
        16 => row[2 * index],
        8 => row[index],
        _ => (row[index * _depth / 8] >> (8 - _depth - index * _depth % 8)) & ((1 << _depth) - 1),
    };

    /// <summary>Levels of few bits become those of 8: 0 stays black, and the largest becomes white.</summary>
    private byte Level(int sample) => (byte)(_depth >= 8 ? sample : sample * 255 / ((1 << _depth) - 1));
}

/// <summary>Pixels of a picture that are stored together.</summary>
/// <param name="Row">Row of the first.</param>
/// <param name="Column">Its column.</param>
/// <param name="RowStep">From one row to the next.</param>
/// <param name="ColumnStep">From one pixel of a row to the next.</param>
internal readonly record struct PngPass(int Row, int Column, int RowStep, int ColumnStep)
{
    public int Rows { get; private init; }

    public int Columns { get; private init; }

    /// <summary>The pass of a picture of this size; small ones have no pixel in some.</summary>
    public PngPass Within(int height, int width) => this with { Rows = (height - Row + RowStep - 1) / RowStep, Columns = (width - Column + ColumnStep - 1) / ColumnStep };
}
