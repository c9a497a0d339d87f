using System.CommandLine;
using System.Globalization;
using Specializer.Benchmarks.Measurement;
using Specializer.Benchmarks.Report;
using Specializer.Kernels;
using Specializer.Numerics;

namespace Specializer.Benchmarks.Commands;

/// <summary>Attention at the sizes of Stable Diffusion on one thread: 8-bit products beside FP32, in turns in one run.</summary>
internal static class AttentionCommand
{
    /// <summary>Queries, keys, channels of a head.</summary>
    private static readonly (int Queries, int Keys, int Channels)[] s_shapes = [(4096, 4096, 40), (1024, 1024, 80), (256, 256, 160), (4096, 77, 40)];

    public static Command Create()
    {
        var rounds = new Option<int>("--rounds") { Description = "Turns of each.", DefaultValueFactory = _ => 5 };
        var command = new Command("attention", "Measures one head of attention at real sizes by the processor time of one thread.") { rounds };
        command.SetAction(options =>
        {
            Console.WriteLine(Machine.This);
            var table = new MarkdownTable("queries × keys × channels", "FP32, ms", "GMAC/s", "8 bits, ms", "GMAC/s", "8 bits times FP32");
            foreach (var (queries, keys, channels) in s_shapes)
            {
                using var head = new AttentionHead(queries, keys, channels);
                Timing[] t = Turns.Measure([new("FP32", head.Attend), new("8 bits", head.AttendQuantized)], options.GetValue(rounds), turnMilliseconds: 100, processorTime: true);
                double products = 2.0 * queries * keys * channels / 1e6;
                table.Add(string.Create(CultureInfo.InvariantCulture, $"{queries} × {keys} × {channels}"),
                    t[0].Milliseconds, products / t[0].Milliseconds, t[1].Milliseconds, products / t[1].Milliseconds, t[1].RatioTo(t[0]));
            }

            Console.WriteLine($"\n{table}");
        });
        return command;
    }

    /// <summary>One head with random queries, keys and values, its packing included.</summary>
    private sealed unsafe class AttentionHead : IDisposable
    {
        private readonly NativeBuffer _maps = new(), _packed = new(), _scratch = new();
        private readonly int _queries, _keys, _channels;
        private readonly float* _query, _context, _output;

        public AttentionHead(int queries, int keys, int channels)
        {
            (_queries, _keys, _channels) = (queries, keys, channels);
            long query = (long)queries * channels, context = 2L * keys * channels;
            _query = (float*)_maps.Reserve(sizeof(float) * (2 * query + context));
            _context = _query + query;
            _output = _context + context;
            var random = new Random(3);
            for (long i = 0; i < query + context; i++) _query[i] = 2 * random.NextSingle() - 1;
        }

        public void Attend()
        {
            var work = new AttentionWork
            {
                Wide = WideVectors.Pay, Tokens = _queries, ContextTokens = _keys, Heads = 1, HeadChannels = _channels, Scale = (float)(1 / Math.Sqrt(_channels)),
                Query = (byte*)_query, QueryPixel = _channels, KeyValue = (byte*)_context, ContextPixel = 2 * _channels, Output = (byte*)_output,
            };
            work.Plan();
            work.Packed = (float*)_packed.Reserve(sizeof(float) * work.PackedLength);
            work.Scratch = _scratch.Reserve(work.ScratchStride);
            var pack = new AttentionPack { Attention = work };
            pack.Execute(0, pack.ItemsPerHead, 0);
            work.Execute(0, work.QueryBlocks, 0);
        }

        public void AttendQuantized()
        {
            var range = new Quantization(2f / 255, 128, 255);
            var work = new QuantizedAttentionWork
            {
                Wide = WideVectors.Pay, Tokens = _queries, ContextTokens = _keys, Heads = 1, HeadChannels = _channels,
                ScoreScale = range.Scale * range.Scale * (float)(1 / Math.Sqrt(_channels)), ValueScale = range.Scale / Softmax.Levels,
                Query = (byte*)_query, QueryPixel = _channels, KeyValue = (byte*)_context, ContextPixel = 2 * _channels, Output = (byte*)_output,
            };
            work.Plan();
            work.Packed = (int*)_packed.Reserve(sizeof(int) * work.PackedLength);
            work.Scratch = _scratch.Reserve(work.ScratchStride);
            var pack = new QuantizedAttentionPack { Attention = work, Query = new(range, centred: true), Key = new(range, centred: true), Value = new(range, centred: true) };
            pack.Execute(0, 1, 0);
            work.Execute(0, work.QueryBlocks, 0);
        }

        public void Dispose()
        {
            _maps.Dispose();
            _packed.Dispose();
            _scratch.Dispose();
        }
    }
}
