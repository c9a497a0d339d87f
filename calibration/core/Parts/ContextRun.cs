using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>States of a manifest's network for prompts whose contexts are at hand, drawn as its sampler draws them from the noise on.</summary>
internal static class ContextRun
{
    /// <summary>Final states of the trajectories that follow the calibration's.</summary>
    /// <param name="manifest">Its encoders and decoder are left out.</param>
    /// <param name="tensor">Gives the little-endian bytes of a tensor.</param>
    /// <param name="model">With its contexts.</param>
    /// <param name="options">Of the calibration.</param>
    /// <param name="count">Number of trajectories.</param>
    /// <param name="device">Stays the caller's.</param>
    /// <param name="work">Told the share that is done.</param>
    /// <param name="cancellation">Acts within a step.</param>
    public static float[] Draw(CalibrationManifest manifest, Func<string, long, byte[]> tensor, ImportedModel model, CalibrationOptions options, int count, Device device,
        Action<double>? work, CancellationToken cancellation)
    {
        var plan = new SolverPlan(manifest.Program);
        var interpreter = new NetworkInterpreter(manifest.Network, manifest.Steps.Count, plan);
        var solver = InterpretedSolver.Of(manifest, interpreter, plan);
        InterpretedStep[] steps = [.. manifest.Steps.Select(s => InterpretedStep.FromManifest(s, manifest.Sampling))];
        using PackedWeights packed = interpreter.Pack(tensor);
        using DeviceWeights weights = device.Upload(packed);
        using Execution run = device.CreateExecution(weights, interpreter.Plan.BytesPerImage, interpreter.Vectors, 2 * ReferenceTrajectories.UnitImages);
        float guidance = (float)options.Guidance;
        int[] conditions = TrajectoryLabels.Of(model, options.Seed, options.Trajectories, count);
        int elements = interpreter.LatentElements, perContext = interpreter.Elements(UNetImporter.Context);
        var states = new float[count * elements];
        for (int first = 0; first < count; first += ReferenceTrajectories.UnitImages)
        {
            int images = Math.Min(ReferenceTrajectories.UnitImages, count - first);
            int[] batch = conditions[first..(first + images)];
            if (guidance != 1) batch = [.. batch, .. batch.Select(_ => model.Contexts!.None)];
            float[] contexts = model.Contexts!.Of(batch);
            run.Begin(new RunParameters(images, options.Seed, options.Trajectories + first, guidance), new int[batch.Length], cancellation);
            run.Write(interpreter.Buffer(UNetImporter.Context), perContext, contexts);
            interpreter.Prepare(run, steps[0]);
            solver.Begin(run);
            for (int step = 0; step < steps.Length; step++)
            {
                interpreter.RunStep(run, step, steps[step], solver);
                work?.Invoke((double)images / count / steps.Length);
            }

            solver.End(run);
            run.Read(interpreter.State, elements, states.AsSpan(first * elements, images * elements));
        }

        return states;
    }
}
