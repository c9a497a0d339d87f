using System.Diagnostics;
using Specializer.Calibration.TorchSharp;
using TorchSharp;

namespace Specializer.TorchSharp.Tests;

public class ScalarsTests
{
    [TorchFact]
    public void A_garbage_collection_does_not_free_a_number_under_the_call_that_reads_it()
    {
        // TorchSharp's own operators fail here within seconds; but it takes some 100,000 calls.
        bool done = false;
        var collector = new Thread(() =>
        {
            while (!Volatile.Read(ref done)) GC.Collect();
        });
        collector.Start();
        try
        {
            using torch.Tensor ones = torch.ones(4);
            for (var clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromSeconds(8);)
            {
                using DisposeScope scope = torch.NewDisposeScope();
                Assert.Equal(5, ones.Plus(ones).Times(3).Plus(-1).Clip(0, 5).Power(2).sum().Number() / 20);
            }
        }
        finally
        {
            Volatile.Write(ref done, true);
            collector.Join();
        }
    }
}
