using Specializer.Manifest;
using TorchSharp;
using static TorchSharp.torch;

namespace Specializer.Calibration.TorchSharp;

/// <summary>Learns, block after block, integers and step sizes with which the block's output, computed from quantized inputs, is closest to the FP32 network's.</summary>
/// <remarks>BRECQ (Li et al., ICLR 2021), with which the paper quantizes by way of Q-Diffusion: squared error summed over channels, averaged over the rest, plus
/// λ·Σ(1 − |2h − 1|^β). A block that does not come out better than it went in keeps what it had.</remarks>
internal sealed class BlockReconstruction : IDisposable
{
    private readonly ReconstructionRequest _request;
    private readonly ReconstructionOptions _options;
    private readonly torch.Device _device;
    private readonly TorchParameters _parameters;
    private readonly TorchOperations _float32;
    private readonly SampleMaps _reference, _quantized;
    private readonly Tensor? _vectors;
    private readonly Tensor _rows;
    private readonly Draws _draws;

    public BlockReconstruction(ReconstructionRequest request, torch.Device device)
    {
        request.Options.Validate();
        if (request.Samples.Count == 0) throw new ArgumentException("Block reconstruction needs samples and there are none. Calibrate with at least one trajectory.", nameof(request));
        (_request, _options, _device) = (request, request.Options, device);
        _draws = new(_options.Seed, DrawPurpose.Reconstruction);
        Network network = request.Model.Network;
        Map latent = network.Maps.Single(m => m.Name == network.Latent);
        using var noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        _parameters = new(request.Model, request.Timesteps, device);
        _float32 = new(network, _parameters);
        (_reference, _quantized) = (new(device), new(device));
        float[] x = [.. request.Samples.SelectMany(s => s.X)];
        foreach (SampleMaps maps in (SampleMaps[])[_reference, _quantized])
            maps.Add(network.Latent, ChannelsLast.ToTensor(x, latent.Height, latent.Width, latent.Channels, CPU));
        _vectors = _parameters.Vectors([.. request.Samples.Select(s => s.Step)], [.. request.Samples.Select(s => s.Label)])?.DetachFromDisposeScope();
        _rows = tensor([.. request.Samples.Select(s => (long)s.Row)], device: device).DetachFromDisposeScope();
    }

    private int Samples => _request.Samples.Count;

    /// <summary>Learns all blocks.</summary>
    public ReconstructedNetwork Run(CancellationToken cancellation)
    {
        IReadOnlyList<NetworkBlock> blocks = NetworkBlock.Cut(_request.Quantized, _request.Model.Network);
        var weights = new Dictionary<string, QuantizedWeights>(_request.Weights, StringComparer.Ordinal);
        Quantization[][] rows = [.. _request.Rows.Select(r => (Quantization[])r.Clone())];
        string[] slots = [.. _request.Quantized.Maps.Where(m => m.IsQuantized).Select(m => m.Name)];
        var reports = new List<ReconstructedBlock>();
        for (int i = 0; i < blocks.Count; i++)
        {
            NetworkBlock block = blocks[i];
            HashSet<string> readLater = ReadAfter(blocks, i, b => b.Float32), readLaterQuantized = ReadAfter(blocks, i, b => b.Quantized);
            // A block that an interrupted run has learned starts at what it learned.
            using var operations = new QuantizedOperations(_request with { Weights = weights, Rows = rows }, block, _parameters);
            Advance(_float32, block.Float32, _reference, readLater, cancellation);
            string[] outputs = [.. block.Float32.SelectMany(o => o.Outputs()).Where(readLater.Contains)
                .Intersect(_request.Quantized.Maps.Where(m => !m.IsQuantized).Select(m => m.Name))];
            if (i >= _request.BlocksDone && operations.Roundings.Count > 0 && outputs.Length > 0)
            {
                double before = Error(operations, block, outputs, Stage.Start, cancellation);
                Learn(operations, block, outputs, i, blocks.Count, cancellation);
                reports.Add(new(block.Name, before, Error(operations, block, outputs, Stage.Learned, cancellation)));
                operations.Stage = reports[^1].Kept ? Stage.Learned : Stage.Start;
                foreach (var (name, rounding) in operations.Roundings) weights[name] = rounding.Result(operations.Stage);
                foreach (var (map, steps) in operations.Steps)
                {
                    Quantization[] learned = steps.Result(operations.Stage);
                    for (int row = 0; row < rows.Length; row++) rows[row][Array.IndexOf(slots, map)] = learned[row];
                }

                _request.BlockDone?.Invoke(i + 1, weights, rows);
            }

            Advance(operations, block.Quantized, _quantized, readLaterQuantized, cancellation);
            _reference.Keep(readLater);
            _quantized.Keep(readLaterQuantized);
        }

        return new(weights, rows, reports);
    }

    public void Dispose()
    {
        _reference.Dispose();
        _quantized.Dispose();
        _vectors?.Dispose();
        _rows.Dispose();
        _parameters.Dispose();
    }

    private HashSet<string> ReadAfter(IReadOnlyList<NetworkBlock> blocks, int index, Func<NetworkBlock, IReadOnlyList<Operation>> operations) =>
        [.. blocks.Skip(index + 1).SelectMany(operations).SelectMany(o => o.Inputs()), _request.Quantized.Epsilon];

    private void Learn(QuantizedOperations operations, NetworkBlock block, string[] outputs, int index, int blocks, CancellationToken cancellation)
    {
        operations.Stage = Stage.Learning;
        using var rounding = new Adam(operations.Roundings.Values.Select(r => r.Choice));
        using Adam? steps = operations.Steps.Count == 0 || _options.ActivationRate == 0 ? null
            : new Adam(operations.Steps.Values.Select(s => s.Logarithm));
        int warmUp = (int)(_options.WarmUp * _options.Iterations), report = Math.Max(1, _options.Iterations / 100);
        for (int i = 0; i < _options.Iterations; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            using DisposeScope scope = NewDisposeScope();
            Tensor samples = tensor([.. Enumerable.Range(0, Math.Min(_options.BatchSize, Samples)).Select(j => (long)_draws.Below(Samples, (uint)i, (uint)j, (uint)index))]);
            Tensor loss = Differences(operations, block, outputs, samples).Select(d => d.Squared().sum(1).mean()).Aggregate((a, b) => a.Plus(b));
            if (i >= warmUp)
            {
                double beta = _options.BetaEnd + (_options.BetaStart - _options.BetaEnd) * (1 - (double)(i - warmUp) / (_options.Iterations - warmUp));
                foreach (LearnedRounding r in operations.Roundings.Values) loss = loss.Plus(r.Undecided(beta).Times(_options.RoundingWeight));
            }

            rounding.Clear();
            steps?.Clear();
            loss.backward();
            rounding.Step(_options.RoundingRate);
            steps?.Step(_options.ActivationRate * (1 + Math.Cos(Math.PI * i / _options.Iterations)) / 2);
            if ((i + 1) % report == 0)
                _request.Progress?.Report(new($"reconstruction of {block.Name}", index + (i + 1.0) / _options.Iterations, blocks));
        }
    }

    /// <summary>Mean squared error over all samples.</summary>
    private double Error(QuantizedOperations operations, NetworkBlock block, string[] outputs, Stage stage, CancellationToken cancellation)
    {
        operations.Stage = stage;
        double sum = 0, count = 0;
        ForEachBatch(samples =>
        {
            foreach (Tensor difference in Differences(operations, block, outputs, samples))
            {
                sum += difference.Squared().sum(float64).Number();
                count += difference.numel();
            }
        }, cancellation);
        return sum / count;
    }

    /// <summary>Quantized minus FP32 of each output of a block, for some samples.</summary>
    private IEnumerable<Tensor> Differences(QuantizedOperations operations, NetworkBlock block, string[] outputs, Tensor samples)
    {
        Dictionary<string, Tensor> maps = RunBlock(operations, block.Quantized, _quantized, samples);
        return outputs.Select(output => maps[output] - _reference.Select(output, samples));
    }

    /// <summary>Runs a block for all samples and adds what is read later.</summary>
    private void Advance(TorchOperations operations, IReadOnlyList<Operation> block, SampleMaps maps, HashSet<string> readLater, CancellationToken cancellation)
    {
        string[] outputs = [.. block.SelectMany(o => o.Outputs()).Where(readLater.Contains)];
        var parts = outputs.Select(_ => new List<Tensor>()).ToArray();
        using DisposeScope scope = NewDisposeScope();
        ForEachBatch(samples =>
        {
            Dictionary<string, Tensor> batch = RunBlock(operations, block, maps, samples);
            for (int o = 0; o < outputs.Length; o++) parts[o].Add(batch[outputs[o]].cpu().MoveToOuterDisposeScope());
        }, cancellation);
        for (int o = 0; o < outputs.Length; o++) maps.Add(outputs[o], cat(parts[o], 0));
    }

    private Dictionary<string, Tensor> RunBlock(TorchOperations operations, IReadOnlyList<Operation> block, SampleMaps from, Tensor samples)
    {
        Tensor here = samples.to(_device);
        if (operations is QuantizedOperations quantized) quantized.Rows = _rows.index_select(0, here);
        Dictionary<string, Tensor> maps = from.Inputs(block, samples);
        Tensor? vectors = _vectors?.index_select(0, here);
        foreach (Operation operation in block) operations.Run(operation, maps, vectors);
        return maps;
    }

    private void ForEachBatch(Action<Tensor> batch, CancellationToken cancellation)
    {
        using var noGradient = no_grad();
        for (int first = 0; first < Samples; first += _options.BatchSize)
        {
            cancellation.ThrowIfCancellationRequested();
            using DisposeScope scope = NewDisposeScope();
            batch(tensor([.. Enumerable.Range(first, Math.Min(_options.BatchSize, Samples - first)).Select(i => (long)i)]));
        }
    }
}
