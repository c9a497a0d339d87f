namespace Specializer.Ilgpu.Kernels;

/// <summary>What attention's kernels know of their maps: of self-attention, whose queries, keys and values lie side by side, and of attention over another map.</summary>
internal interface IAttentionExtents
{
    int Tokens { get; }
    /// <summary>Keys, and values.</summary>
    int ContextTokens { get; }
    int Heads { get; }
    int HeadChannels { get; }
    /// <summary>1 where a query sees only the keys up to its own index.</summary>
    int Causal { get; }
    /// <summary>Elements from one pixel's queries, or keys, to the next's.</summary>
    int QueryPixel { get; }
    int ContextPixel { get; }
    /// <summary>Where a pixel's keys begin. Its values follow them.</summary>
    int KeyOffset { get; }
}

/// <summary>The extents as arguments.</summary>
internal readonly record struct AttentionExtents(int Tokens, int ContextTokens, int Heads, int HeadChannels, int Causal, int QueryPixel, int ContextPixel, int KeyOffset) : IAttentionExtents
{
    public static AttentionExtents Of<TShape>(TShape s)
        where TShape : struct, IAttentionShape
    {
        int all = s.Heads * s.HeadChannels;
        return new(s.Tokens, s.Tokens, s.Heads, s.HeadChannels, 0, 3 * all, 3 * all, all);
    }

    public static AttentionExtents OfCross<TShape>(TShape s)
        where TShape : struct, ICrossAttentionShape
    {
        int all = s.Heads * s.HeadChannels;
        return new(s.Tokens, s.ContextTokens, s.Heads, s.HeadChannels, s.Causal ? 1 : 0, all, 2 * all, 0);
    }
}

/// <summary>The extents of a literal shape, which become literals of the kernel.</summary>
internal readonly struct SelfAttention<TShape> : IAttentionExtents
    where TShape : struct, IAttentionShape
{
    public int Tokens => default(TShape).Tokens;
    public int ContextTokens => default(TShape).Tokens;
    public int Heads => default(TShape).Heads;
    public int HeadChannels => default(TShape).HeadChannels;
    public int Causal => 0;
    public int QueryPixel => 3 * Heads * HeadChannels;
    public int ContextPixel => 3 * Heads * HeadChannels;
    public int KeyOffset => Heads * HeadChannels;
}
