using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Rounds layers in the order in which they run, each for the inputs that it gets from the layers before it, rounded already, so that its output comes nearest to FP32's.
/// On the states of FP32 trajectories the quantized network runs as far as the layer, for each layer anew; FP32 for several layers at once (<see cref="ExactOutputs"/>).</summary>
/// <param name="solvers">The calibration for each solver that the weights are for, in the order of the table's rows.</param>
/// <param name="quantized">The first one's network with integers.</param>
/// <param name="ranges">Of its activations, per row of the table and slot.</param>
/// <param name="evaluator">Makes that network run with some weights.</param>
internal sealed class SequentialPhase(IReadOnlyList<CalibrationContext> solvers, QuantizedNetwork quantized, ActivationRange[][] ranges, Func<QuantizedTensors, NetworkEvaluator> evaluator)
{
    private const string Phase = "sequential rounding";
    // As many as learned rounding takes, for each solver, spread over all steps.
    private const int States = 1024;

    private readonly InterpretedStep[] _steps = [.. ranges.Select(r => new InterpretedStep { Quantizations = CalibrationRun.Quantizations(r) })];
    private readonly Dictionary<string, Map> _maps = quantized.Network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);

    private CalibrationContext First => solvers[0];

    private CalibrationOptions Options => First.Options;

    private ColumnSampler Sampler => new(Options.Seed, _steps.Length, Images(First));

    /// <summary>Most work, in evaluations of a unit's trajectories in FP32: a layer runs both networks half way in the mean. For one solver.</summary>
    /// <param name="context">Of the calibration.</param>
    /// <param name="layers">Layers that are rounded.</param>
    public static double Work(CalibrationContext context, int layers) => UnitsOf(context) * (1 + layers * (1 + WorkShares.Measured) / 2);

    /// <summary>Rounds all layers.</summary>
    /// <param name="tensors">Hold each layer rounded by itself; receive what it becomes.</param>
    /// <param name="rounded">Those that are rounded in sequence already; receives the others.</param>
    public void Round(QuantizedTensors tensors, RoundedLayers rounded)
    {
        ConvolutionOperation[] layers = [.. LinkedNetwork.Of(quantized.Network).Network.Operations.OfType<ConvolutionOperation>().Where(o => o.IsInteger)];
        int done = layers.TakeWhile(layer => rounded.Has(layer.Name, layer.WeightBits, secondOrder: true)).Count();
        foreach (ConvolutionOperation layer in layers.Take(done)) tensors.Set(layer.Name, rounded.Get(layer.Name, layer.WeightBits, secondOrder: true));
        if (done == layers.Length) return;
        TrajectoryState[] states = Collect();
        using var exact = new NetworkEvaluator(First.Network with { Operations = First.Model.StoredNetwork.Operations }, _steps.Length, First.Model.TensorBytes(First.TableTimesteps), First.Device, ReferenceTrajectories.CapacityOf(First.Network, Options))
        { Contexts = First.Model.Contexts };
        var wanted = new ExactOutputs(exact, layers, _maps, states, (layer, step, image, pixels) => Sampler.Choose(layer, step, image, pixels));
        for (int i = done; i < layers.Length; i++)
        {
            OutputRegression regression = Compare(layers[i], i, tensors, wanted, states);
            var (weights, bias) = regression.Solve();
            QuantizedWeights became = WeightRounding.SecondOrder(weights, bias, layers[i].WeightBits, DampedHessian.Of(regression.Inputs.Blocks, First.Threads), First.Threads);
            rounded.Add(layers[i].Name, became);
            tensors.Set(layers[i].Name, became);
        }
    }

    /// <summary>What rounding in sequence changes of the held-out images' squared error to FP32, dB, mean over images and solvers, each drawn free-running without corrections.</summary>
    /// <param name="with">Rounded in sequence.</param>
    /// <param name="without">Each layer rounded by itself.</param>
    public Interval Change(QuantizedTensors with, QuantizedTensors without)
    {
        List<double>[] changes = [.. solvers.Select(Changes)];
        return UncorrectedImages.Mean(changes, Options.Seed);

        List<double> Changes(CalibrationContext context)
        {
            using var images = new UncorrectedImages(context, Phase);
            int row = FirstRow(context);
            return [.. Enumerable.Range(0, UncorrectedImages.Units(Options)).SelectMany(unit => images.ChangesDb(unit, new(() => evaluator(with), _steps, row), new(() => evaluator(without), _steps, row)))];
        }
    }

    private static double UnitsOf(CalibrationContext context) => Images(context) / (double)ReferenceTrajectories.UnitImages;

    /// <summary>Row of a solver's first step in the table of all.</summary>
    private static int FirstRow(CalibrationContext context) => context.Network.Embedding.FirstRow;

    /// <summary>Trajectories of each solver whose states are taken.</summary>
    private static int Images(CalibrationContext context) => Math.Clamp(States * context.Solvers.Count / context.TableTimesteps.Length, 1, context.Options.RangeTrajectories);

    /// <summary>FP32's states of each solver's first trajectories at all steps, which are numbered by the table's rows. Under a guidance that is compiled in, condition and none take turns.</summary>
    private TrajectoryState[] Collect()
    {
        int images = Images(First);
        var states = new List<TrajectoryState>();
        foreach (CalibrationContext context in solvers)
        {
            using ReferenceTrajectories reference = context.Reference();
            for (int first = 0; first < images; first += ReferenceTrajectories.UnitImages)
            {
                int count = Math.Min(ReferenceTrajectories.UnitImages, images - first);
                foreach (TrajectoryState state in reference.Run(first, count, cancellation: context.Cancellation))
                {
                    int[] none = Options.Guidance == 1 ? state.Labels : context.Model.NoCondition.Of(state.Labels);
                    states.Add(state with { Step = FirstRow(context) + state.Step, X = [.. state.X], Labels = [.. state.Labels.Select((label, i) => (first + i) % 2 == 1 ? none[i] : label)] });
                    context.Report(Phase, count / (double)ReferenceTrajectories.UnitImages / context.Options.Evaluations);
                }
            }
        }

        return [.. states];
    }

    /// <summary>A layer's inputs in the quantized network, with what its outputs lack of FP32's.</summary>
    private OutputRegression Compare(ConvolutionOperation layer, int index, QuantizedTensors tensors, ExactOutputs exact, TrajectoryState[] states)
    {
        using NetworkEvaluator network = evaluator(tensors);
        Map from = _maps[layer.Input], to = _maps[layer.Output];
        var shape = new ColumnShape(from.Height, from.Width, from.Channels, to.Height, to.Width, layer.KernelSize, layer.Stride, layer.PaddingTop, layer.PaddingLeft, layer.Upsample);
        int slot = network.Interpreter.Slot(layer.Input), pixels = to.Height * to.Width, channels = to.Channels, inputs = network.Interpreter.Elements(layer.Input), outputs = pixels * channels;
        float largest = _steps.Max(s => s.Quantizations[slot] is var q ? q.Scale * Math.Max(q.ZeroPoint, q.Levels - q.ZeroPoint) : 0), scale = 1 / layer.OutputScale.Single;
        var regression = new OutputRegression(First.Model.Weights[$"{layer.Name}.weight"], tensors.Of(layer.Name), largest, First.Threads);
        ColumnSampler sampler = Sampler;
        float[] column = new float[shape.Size], missing = new float[channels];
        float[] read = new float[ReferenceTrajectories.UnitImages * inputs], written = new float[ReferenceTrajectories.UnitImages * outputs];
        for (int s = 0; s < states.Length; s++)
        {
            TrajectoryState state = states[s];
            ReadOnlySpan<float> wanted = exact.Take(index, s, First.Cancellation);
            network.EvaluateTo(layer.Name, state.Step, _steps[state.Step], state.X, state.Labels, (operation, run) =>
            {
                if (operation.Name != layer.Name) return;
                network.Interpreter.Read(run, layer.Output, written.AsSpan(network.First * outputs, run.Batch * outputs));
                network.Interpreter.Read(run, layer.Input, _steps[state.Step].Quantizations[slot], read.AsSpan(network.First * inputs, run.Batch * inputs));
            }, First.Cancellation);
            for (int image = 0; image < state.Images; image++)
            {
                foreach (int pixel in sampler.Choose(index, state.Step, state.FirstImage + image, pixels))
                {
                    shape.Gather(read.AsSpan(image * inputs, inputs), pixel, column);
                    int at = image * outputs + pixel * channels;
                    for (int c = 0; c < channels; c++) missing[c] = (wanted[c] - written[at + c]) * scale;
                    wanted = wanted[channels..];
                    regression.Add(column, missing);
                }
            }

            First.Report($"{Phase}, {layer.Name}", state.Images * (1 + WorkShares.Measured) / 2 / ReferenceTrajectories.UnitImages * solvers.Count / _steps.Length);
        }

        return regression;
    }
}
