using System.Diagnostics;
using Specializer.Calibration;
using Specializer.Manifest;
using Specializer.Threading;

namespace Specializer.Benchmarks.Measurement;

/// <summary>What kind of operation a step spends its time in.</summary>
internal enum LayerKind
{
    Convolution3x3,
    Convolution1x1,
    Attention,
    GroupNorm,
    Quantize,
    Embedding,
    /// <summary>What multiplies nothing and is none of the above.</summary>
    Other,
}

/// <summary>All operations of one kind, or of one kind and shape.</summary>
/// <param name="Kind">Of the operations.</param>
/// <param name="Shape">Their maps, or empty.</param>
/// <param name="Count">How many.</param>
/// <param name="Milliseconds">Of all of them, from call to return.</param>
/// <param name="MultiplyAccumulates">Of all of them; 0 where none count.</param>
/// <param name="Executed">Products that the processor makes for them.</param>
/// <param name="Softmax">Milliseconds of the exponentials within attention on one thread.</param>
internal sealed record LayerTime(LayerKind Kind, string Shape, int Count, double Milliseconds, double MultiplyAccumulates, ExecutedProducts Executed, double Softmax)
{
    /// <summary>Whether it multiplies matrices, in whatever time its softmax leaves.</summary>
    public bool IsMatrixWork => Kind < LayerKind.GroupNorm;
}

/// <summary>Times each operation of a step, from inside a run.</summary>
internal static class LayerTimes
{
    /// <param name="run">Ready.</param>
    /// <param name="rounds">Steps; of each operation the fastest counts.</param>
    /// <param name="byShape">Whether operations of one kind are told apart by their maps.</param>
    /// <param name="processorTime">Whether the process's time counts: right for one thread on a busy machine.</param>
    public static LayerTime[] Measure(NetworkRun run, int rounds, bool byShape, bool processorTime)
    {
        Func<TimeSpan> clock = Turns.Clock(processorTime);
        var operations = run.Interpreter.Network.Operations;
        var best = new double[operations.Count + 1];
        Array.Fill(best, double.PositiveInfinity);
        var now = new double[operations.Count + 1];
        for (int round = -1; round < rounds; round++)
        {
            int next = 0;
            TimeSpan start = clock();
            // The embedding comes before the operations; its share of the first interval is taken out below.
            run.Run((_, _) =>
            {
                now[next++] = (clock() - start).TotalMilliseconds;
                start = clock();
            });
            if (round < 0) continue;
            for (int i = 0; i < next; i++) best[i] = Math.Min(best[i], now[i]);
        }

        best[^1] = Embedding(run, rounds);
        best[0] = Math.Max(0, best[0] - best[^1]);
        var maps = run.Interpreter.Network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        ExecutedProducts[] executed = ExecutedProducts.Of(run);
        int batch = run.Execution.Batch;
        var embedding = run.Interpreter.Network.Embedding;
        return [.. operations.Select((operation, i) => new LayerTime(KindOf(operation), byShape ? ShapeOf(operation, maps) : "", 1, best[i], (double)batch * operation.Cost(maps).MultiplyAccumulates, executed[i], SoftmaxTime.Of(operation, maps, batch)))
            .Append(new(LayerKind.Embedding, "", 1, best[^1], (double)batch * embedding.Width * embedding.Vectors, default, 0))
            .GroupBy(l => (l.Kind, l.Shape)).Select(g => g.Aggregate(Sum)).OrderBy(l => l.Kind).ThenByDescending(l => l.Milliseconds)];
    }

    /// <summary>Of two, of the kind and shape of the first.</summary>
    public static LayerTime Sum(LayerTime a, LayerTime b) => a with
    {
        Count = a.Count + b.Count,
        Milliseconds = a.Milliseconds + b.Milliseconds,
        MultiplyAccumulates = a.MultiplyAccumulates + b.MultiplyAccumulates,
        Executed = a.Executed + b.Executed,
        Softmax = a.Softmax + b.Softmax,
    };

    /// <summary>As 32²×384→192, with a convolution's stride and the bits of its weights, and the kind of what has no row of its own.</summary>
    private static string ShapeOf(Operation operation, Dictionary<string, Map> maps)
    {
        string from = string.Join(" + ", operation.Reads().Select(port => Size(maps[port.Map])).Distinct()), to = string.Join(", ", operation.Writes().Select(port => Size(maps[port.Map])));
        return operation is ConvolutionOperation c
            ? $"{c.KernelSize}×{c.KernelSize} {Size(maps[c.Input])} → {to}{(c.Upsample > 1 ? ", enlarged" : "")}, {c.WeightBits} bits"
            : $"{operation.Kind} {from} → {to}";

        static string Size(Map map) => map.Height == map.Width ? $"{map.Height}²×{map.Channels}" : $"{map.Height}×{map.Width}×{map.Channels}";
    }

    /// <summary>Microseconds from handing work to two threads until both have met inside it and it is done.</summary>
    public static double HandOver()
    {
        const int calls = 200;
        using var pool = new WorkerPool(2);
        int arrived = 0;
        double best = double.PositiveInfinity;
        for (int round = 0; round < 50; round++)
        {
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < calls; i++)
            {
                arrived = 0;
                unsafe
                {
                    var work = new Meeting { Arrived = &arrived };
                    pool.Run(2, 1, ref work);
                }
            }

            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMicroseconds / calls);
        }

        return best;
    }

    private static double Embedding(NetworkRun run, int rounds)
    {
        Embedding embedding = run.Interpreter.Network.Embedding;
        if (embedding.Vectors == 0) return 0;
        var shape = new DynamicEmbedding(run.Interpreter.Steps, embedding.Width, embedding.Classes, embedding.Vectors);
        double best = double.PositiveInfinity;
        for (int round = 0; round < rounds; round++)
        {
            long start = Stopwatch.GetTimestamp();
            run.Execution.Embed(new(run.Interpreter.Layout.Embedding), run.Interpreter.Vectors, 0, shape);
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        return best;
    }

    private static LayerKind KindOf(Operation operation) => operation switch
    {
        ConvolutionOperation { KernelSize: > 1 } => LayerKind.Convolution3x3,
        ConvolutionOperation => LayerKind.Convolution1x1,
        AttentionOperation => LayerKind.Attention,
        GroupNormOperation => LayerKind.GroupNorm,
        QuantizeOperation => LayerKind.Quantize,
        CrossAttentionOperation => LayerKind.Attention,
        _ => LayerKind.Other,
    };

    /// <summary>Two items that wait for each other, so that no thread can do both.</summary>
    private unsafe struct Meeting : IWork
    {
        public int* Arrived;

        public readonly void Execute(int begin, int end, int worker)
        {
            Interlocked.Increment(ref *Arrived);
            while (Volatile.Read(ref *Arrived) < 2) Thread.SpinWait(1);
        }
    }
}
