namespace Specializer;

/// <summary>Where a tile of the state begins, and where that before it in each direction ends; 0 where there is none.</summary>
/// <param name="Top">First row.</param>
/// <param name="Left">First column.</param>
/// <param name="AboveEnd">Row behind the last of the tile above.</param>
/// <param name="LeftEnd">Column behind the last of the tile to the left.</param>
internal readonly record struct TilePlace(int Top, int Left, int AboveEnd, int LeftEnd);

/// <summary>How tiles cover a state, and how what they become is joined to a picture without seams.</summary>
/// <remarks>
/// Tiles lie within the state, so that its border is a border of tiles and no other padding is seen there; neighbours share rows and columns. Where all that a pixel depends on lies within half of
/// what is shared, both neighbours agree in its middle, and the picture there goes on from one to the other: every pixel is that of the whole. Where they differ, because norms see a tile each,
/// the picture passes from one to the other linearly over what they share.
/// </remarks>
/// <param name="state">The whole state.</param>
/// <param name="tile">A part of it.</param>
/// <param name="picture">What the whole becomes.</param>
/// <param name="overlap">Rows and columns of the state that neighbours share at least.</param>
/// <param name="blend">Whether what they share is mixed.</param>
internal sealed class TileJoin(MapSize state, MapSize tile, MapSize picture, int overlap, bool blend)
{
    private readonly int _scaleY = picture.Height / state.Height, _scaleX = picture.Width / state.Width;

    private float[] _strip = [];

    /// <summary>Numbers of what a tile becomes.</summary>
    public int TilePixels => tile.Height * _scaleY * tile.Width * _scaleX * picture.Channels;

    /// <summary>All tiles, row by row.</summary>
    public IEnumerable<TilePlace> Places =>
        from y in Starts(state.Height, tile.Height) from x in Starts(state.Width, tile.Width) select new TilePlace(y.Start, x.Start, y.BeforeEnd, x.BeforeEnd);

    /// <summary>Copies a tile out of each state.</summary>
    /// <param name="states">NHWC.</param>
    /// <param name="place">Which.</param>
    /// <param name="part">Receives it, NHWC.</param>
    public void Cut(ReadOnlySpan<float> states, TilePlace place, Span<float> part)
    {
        int row = tile.Width * tile.Channels, from = state.Width * state.Channels, images = part.Length / (tile.Height * row);
        for (int image = 0; image < images; image++)
            for (int y = 0; y < tile.Height; y++)
                states.Slice((image * state.Height + place.Top + y) * from + place.Left * state.Channels, row).CopyTo(part[((image * tile.Height + y) * row)..]);
    }

    /// <summary>Adds what a tile became to each picture. Tiles come in the order of <see cref="Places"/>: those side by side make a strip, and strips the picture.</summary>
    /// <param name="drawn">NHWC.</param>
    /// <param name="place">Which.</param>
    /// <param name="pixels">The pictures so far.</param>
    public void Paste(ReadOnlySpan<float> drawn, TilePlace place, Span<float> pixels)
    {
        int height = tile.Height * _scaleY, tileRow = tile.Width * _scaleX * picture.Channels, row = picture.Width * picture.Channels, images = drawn.Length / TilePixels;
        if (_strip.Length < images * height * row) _strip = new float[images * height * row];
        int shared = Math.Max(0, place.LeftEnd - place.Left) * _scaleX, left = place.Left * _scaleX * picture.Channels;
        for (int line = 0; line < images * height; line++)
        {
            ReadOnlySpan<float> from = drawn.Slice(line * tileRow, tileRow);
            Span<float> to = _strip.AsSpan(line * row + left, tileRow);
            for (int i = 0; i < tileRow; i++) to[i] = Pass(to[i], from[i], Share(i / picture.Channels, shared));
        }

        if (place.Left + tile.Width < state.Width) return;
        shared = Math.Max(0, place.AboveEnd - place.Top) * _scaleY;
        for (int line = 0; line < images * height; line++)
        {
            int y = line % height;
            ReadOnlySpan<float> from = _strip.AsSpan(line * row, row);
            Span<float> to = pixels.Slice((line / height * picture.Height + place.Top * _scaleY + y) * row, row);
            float share = Share(y, shared);
            for (int i = 0; i < row; i++) to[i] = Pass(to[i], from[i], share);
        }
    }

    /// <summary>The later tile's share of a pixel, so many rows or columns behind its first.</summary>
    /// <param name="at">Row or column of the tile.</param>
    /// <param name="shared">Rows or columns that the tile before it has, too.</param>
    private float Share(int at, int shared) => at >= shared ? 1 : blend ? (at + 0.5f) / shared : at >= shared / 2 ? 1 : 0;

    // What no tile shares must be the tile's own, bit for bit.
    private static float Pass(float before, float after, float share) => share == 1 ? after : share == 0 ? before : before + share * (after - before);

    /// <summary>As few tiles as cover a direction; the last ends with the state.</summary>
    private IEnumerable<(int Start, int BeforeEnd)> Starts(int whole, int part)
    {
        for (int start = 0, end = 0; ; start = Math.Min(start + part - overlap, whole - part))
        {
            yield return (start, end);
            end = start + part;
            if (end == whole) yield break;
        }
    }
}
