namespace Specializer.CompilerServices;

public abstract partial class Execution
{
    /// <summary>y = softmax(q·kᵀ / √HeadChannels)·v per head, FP32, with keys and values of another map.</summary>
    /// <param name="query">FP32 map of Heads·HeadChannels channels.</param>
    /// <param name="context">FP32 map of ContextTokens pixels that holds keys and values side by side: twice as many channels.</param>
    /// <param name="y">FP32 map like the query.</param>
    /// <param name="shape">Static shape.</param>
    public abstract void AttendCross<TShape>(Activation query, Activation context, Activation y, TShape shape = default)
        where TShape : struct, ICrossAttentionShape;

    /// <summary>The same with both products in exact integers, as in <see cref="Attend{TShape}(Activation, Activation, Quantization, Quantization, Quantization, TShape)"/>.</summary>
    /// <param name="query">FP32 map of Heads·HeadChannels channels.</param>
    /// <param name="context">FP32 map of ContextTokens pixels that holds keys and values side by side: twice as many channels.</param>
    /// <param name="y">FP32 map like the query.</param>
    /// <param name="ofQuery">Quantization of the queries.</param>
    /// <param name="ofKey">Of the first half of the context's channels.</param>
    /// <param name="ofValue">Of the second.</param>
    /// <param name="shape">Static shape; at most 33,025 keys and as many channels per head, so that the sums fit 32 bits.</param>
    public abstract void AttendCross<TShape>(Activation query, Activation context, Activation y, Quantization ofQuery, Quantization ofKey, Quantization ofValue, TShape shape = default)
        where TShape : struct, ICrossAttentionShape;
}
