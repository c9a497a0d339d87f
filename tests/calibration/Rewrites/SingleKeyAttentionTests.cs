using System.Runtime.InteropServices;
using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

public class SingleKeyAttentionTests
{
    /// <summary>LDM-4's kind of network, with the condition in one token: the same bits without queries, keys and the norms before them.</summary>
    [SharedFact("golden/small-cond")]
    public void Attention_over_one_key_is_its_value()
    {
        var (source, tensors, time) = Import(tokens: 1);
        RewrittenNetwork rewritten = RewrittenNetwork.Of(source, tensors);

        int attentions = source.Operations.OfType<CrossAttentionOperation>().Count();
        Assert.True(attentions > 1);
        Assert.Empty(rewritten.Network.Operations.OfType<CrossAttentionOperation>());
        Assert.Equal(attentions, rewritten.Network.Operations.OfType<ModulationOperation>().Count());
        string[] ends = ["norm2", "attn2.to_q", "attn2.to_kv", "attn2.attention"];
        Assert.Equal(ends.Length * attentions, rewritten.Dropped.Count);
        Assert.All(ends, end => Assert.Equal(attentions, rewritten.Dropped.Count(d => d.EndsWith("." + end, StringComparison.Ordinal))));
        // Every tensor has its operation and every operation its tensors.
        var maps = rewritten.Network.Maps.ToDictionary(m => m.Name);
        Assert.Equal(rewritten.Network.Operations.SelectMany(o => o.Tensors(maps)).Select(t => t.Name).Order(), rewritten.Tensors.Keys.Order());
        Assert.All(rewritten.Network.Operations.SelectMany(o => o.Tensors(maps)), t => Assert.Equal(t.Bytes, 4L * rewritten.Tensors[t.Name].Length));
        Assert.Equal(maps.Keys.Order(), rewritten.Network.Operations.SelectMany(o => o.Inputs().Concat(o.Outputs())).Distinct().Order());

        float[] expected = Evaluate(source, tensors, time), actual = Evaluate(rewritten.Network, rewritten.Tensors, time);
        Assert.Equal(expected.Select(BitConverter.SingleToInt32Bits), actual.Select(BitConverter.SingleToInt32Bits));
    }

    [SharedFact("golden/small-cond")]
    public void Attention_over_more_keys_stays()
    {
        var (source, tensors, _) = Import(tokens: 2);
        RewrittenNetwork rewritten = RewrittenNetwork.Of(source, tensors);
        Assert.Same(source, rewritten.Network);
        Assert.Empty(rewritten.Dropped);
    }

    [SharedFact("golden/small-cond")]
    public void Inspection_lists_what_is_dropped() =>
        Assert.Contains(DiffusersImporter.Load(SharedData.Golden("small-cond"), tokens: 1).Dropped, d => d.EndsWith("attn2.to_q", StringComparison.Ordinal));

    private static (Network Network, IReadOnlyDictionary<string, float[]> Tensors, TimeEmbedding Time) Import(int tokens)
    {
        string folder = SharedData.Golden("small-cond");
        // Stays open: tensors are read when they are asked for.
        ModelWeights weights = ModelWeights.Open(folder, null, []);
        return UNetImporter.Import(UNetConfiguration.Read(ConfigurationReader.Open(Path.Combine(folder, "config.json")), tokens), weights.Tensors);
    }

    private static float[] Evaluate(Network network, IReadOnlyDictionary<string, float[]> tensors, TimeEmbedding time)
    {
        const int images = 2;
        var all = new Dictionary<string, float[]>(tensors);
        foreach (var (name, values) in time.Tensors([321f])) all.Add(name, values);
        using var device = new CpuDevice(2);
        using var evaluator = new NetworkEvaluator(network, 1, (name, _) => MemoryMarshal.AsBytes(all[name].AsSpan()).ToArray(), device, images);
        var random = new Random(4);
        evaluator.Give(UNetImporter.Context, Floats(images * evaluator.Interpreter.Elements(UNetImporter.Context)));
        float[] x = Floats(images * evaluator.Interpreter.LatentElements), y = new float[x.Length];
        evaluator.Evaluate(0, InterpretedStep.Float32, x, new int[images], y);
        return y;

        float[] Floats(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() * 2 - 1)];
    }
}
