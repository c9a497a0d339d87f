using Specializer.Calibration;
using Specializer.Kernels;
using Specializer.Manifest;

namespace Specializer.Fuzz;

/// <summary>Draws what a manifest's sampler draws, all in plain loops: the network, guidance and the solver.</summary>
internal static class PlainSampler
{
    /// <summary>The pictures, NHWC, one after the other.</summary>
    /// <param name="manifest">Of one network; a sound one.</param>
    /// <param name="tensor">Gives the little-endian bytes of a tensor.</param>
    /// <param name="options">One label for each picture, or none.</param>
    public static float[] Sample(CalibrationManifest manifest, Func<string, long, byte[]> tensor, SampleOptions options)
    {
        Map latent = manifest.Network.Maps.Single(m => m.Name == manifest.Network.Latent);
        int elements = (int)latent.Pixels * latent.Channels;
        float guidance = options.Guidance ?? manifest.Sampling.Guidance.Single;
        InterpretedStep[] steps = [.. manifest.Steps.Select(s => InterpretedStep.FromManifest(s, manifest.Sampling))];
        var offsets = new float[steps.Length][];
        var corrections = new GuidanceCorrection[steps.Length];
        for (int i = 0; i < steps.Length && guidance != 1; i++) corrections[i] = GuidanceCorrection.Of(steps[i].Moments, guidance, offsets[i] = new float[latent.Channels]);
        SolverProgram program = manifest.Program with
        {
            Evaluations = manifest.Steps.Select((s, i) => guidance == 1 ? s.Evaluation.WithSigma(s.CalibratedSigma) : s.Evaluation.WithSigma(Number.From(corrections[i].Sigma), keep: true)).ToEquatableArray(),
        };
        var network = new PlainNetwork(manifest.Network, steps.Length, tensor);
        var solver = new ProgramInterpreter(program, options.Count, elements, ProgramInterpreter.Seeded(options.Seed));
        float[] x = new float[options.Count * elements], prediction = new float[x.Length];
        solver.Begin();
        for (int step = 0; step < steps.Length; step++)
        {
            solver.Input(step, x);
            for (int picture = 0; picture < options.Count; picture++)
            {
                float[] input = x.AsSpan(picture * elements, elements).ToArray();
                float[] result = network.Evaluate(step, steps[step], input, options.Labels.ElementAtOrDefault(picture), corrects: guidance == 1);
                if (guidance != 1)
                {
                    float[] none = network.Evaluate(step, steps[step], input, manifest.Model.NullLabel, corrects: false);
                    bool corrects = steps[step].Moments.CorrectMean;
                    for (int i = 0; i < elements; i++)
                    {
                        float e = MathF.FusedMultiplyAdd(guidance, result[i], (1 - guidance) * none[i]);
                        result[i] = corrects ? MathF.FusedMultiplyAdd(e, corrections[step].Gain, offsets[step][i % latent.Channels]) : e;
                    }
                }

                result.CopyTo(prediction, picture * elements);
            }

            solver.Advance(step, prediction);
        }

        solver.End();
        return solver.State.ToArray();
    }
}
