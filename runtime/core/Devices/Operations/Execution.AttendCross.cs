namespace Specializer;

public abstract partial class Execution
{
    /// <summary>y = softmax(q·kᵀ / √HeadChannels)·v per head, FP32, with keys and values of another map.</summary>
    /// <param name="query">FP32 map of Heads·HeadChannels channels.</param>
    /// <param name="context">FP32 map of ContextTokens pixels that holds keys and values side by side: twice as many channels.</param>
    /// <param name="y">FP32 map like the query.</param>
    /// <param name="shape">Static shape.</param>
    /// <exception cref="NotSupportedException">This device has no such operation yet.</exception>
    public virtual void AttendCross<TShape>(Activation query, Activation context, Activation y, TShape shape = default)
        where TShape : struct, ICrossAttentionShape => throw NotOnThisDevice();
}
