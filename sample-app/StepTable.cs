using Specializer;

namespace SampleApp;

/// <summary>Prints what was calibrated for each denoising step, a line when the step is done.</summary>
internal sealed class StepTable(SamplerDescription model, TextWriter to) : IProgress<SampleProgress>
{
    public void Report(SampleProgress value)
    {
        int step = value.Step - 1;
        if (step == 0)
        {
            to.WriteLine("Calibrated for each step: bits of the activations, k and σ' of the noise, and how far the prediction of that step alone lies above it.");
            to.WriteLine("step      t  bits        k       σ        σ'   ε SNR dB");
        }

        StepDescription s = model.Steps[step];
        to.WriteLine(FormattableString.Invariant(
            $"{step,4}  {s.Timestep,5}    A{s.ActivationBits}  {s.K,7:F4}  {s.Sigma,7:F5}  {s.CalibratedSigma,7:F5}   {s.SnrDb,8:F1}"));
    }
}
