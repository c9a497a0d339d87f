namespace Specializer.Calibration.Tests;

/// <summary>Interpreted samplers that are disposed of, or whose device is, from another thread while they draw: the call ends, or has ended, and no memory is freed under it.</summary>
public sealed class DisposingTests
{
    private const int Steps = 3;

    private static readonly ImportedModel s_model = DiffusersImporter.Load(ModelFolder.Source);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_interpreted_sampler_ends_its_call(bool ofDevice)
    {
        for (int at = 0; at < Steps; at++)
        {
            using var device = new CpuDevice(2);
            using InterpretedSampler sampler = InterpretedSampler.Float32(s_model, Steps, eta: 1, device: device);
            var disposing = new Disposing(at, ofDevice ? device : sampler);
            await disposing.Ends(() => sampler.Sample(new() { Labels = [1] }, disposing));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_sampler_of_FP32_ends_its_call(bool ofDevice)
    {
        int operations = s_model.Network.Operations.Count;
        for (int at = 0; at < Steps * operations; at += operations / 2)
        {
            using var device = new CpuDevice(2);
            using Float32Sampler sampler = Float32Sampler.Create(s_model, null, Steps, null, device);
            var disposing = new Disposing(at, ofDevice ? device : sampler);
            // Within an evaluation.
            sampler.Observer = (_, _) => disposing.Report(default);
            await disposing.Ends(() => sampler.Draw(new() { Labels = [1] }));
        }
    }

    /// <summary>Disposes of something from another thread when it is told for the n-th time that work goes on.</summary>
    private sealed class Disposing(int at, IDisposable what) : IProgress<SampleProgress>
    {
        private int _seen;
        private Task? _disposing;

        public void Report(SampleProgress value)
        {
            if (_seen++ != at) return;
            using var begun = new ManualResetEventSlim();
            _disposing = Task.Run(() =>
            {
                begun.Set();
                what.Dispose();
            });
            begun.Wait();
        }

        public async Task Ends(Action draw)
        {
            Exception? ended = Record.Exception(draw);
            Assert.True(ended is null or ObjectDisposedException, ended?.ToString());
            await _disposing!;
            Assert.Throws<ObjectDisposedException>(draw);
        }
    }
}
