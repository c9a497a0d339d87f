using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Specializer.Calibration.TorchSharp;

/// <summary>Adam (Kingma and Ba, ICLR 2015, algorithm 1) without weight decay. TorchSharp's own passes scalars that a garbage collection may free during the call:
/// see <see cref="Scalars"/>.</summary>
internal sealed class Adam(IEnumerable<Parameter> parameters) : IDisposable
{
    private const double Decay1 = 0.9, Decay2 = 0.999, Epsilon = 1e-8;

    private readonly (Parameter Parameter, Tensor Mean, Tensor Square)[] _states =
        [.. parameters.Select(p => (p, zeros_like(p).DetachFromDisposeScope(), zeros_like(p).DetachFromDisposeScope()))];
    private int _steps;

    /// <summary>Forgets the gradients.</summary>
    public void Clear()
    {
        foreach (var (parameter, _, _) in _states) parameter.grad?.zero_();
    }

    /// <summary>Moves every parameter against its gradient.</summary>
    /// <param name="rate">Size of a first step.</param>
    public void Step(double rate)
    {
        using var noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        _steps++;
        double bias1 = 1 - Math.Pow(Decay1, _steps), bias2 = 1 - Math.Pow(Decay2, _steps);
        foreach (var (parameter, mean, square) in _states)
        {
            if (parameter.grad is not { } gradient) continue;
            mean.Average(gradient, Decay1);
            square.Average(gradient.Squared(), Decay2);
            parameter.AddRatio(mean, square.Times(1 / bias2).sqrt().Plus(Epsilon), -rate / bias1);
        }
    }

    public void Dispose()
    {
        foreach (var (_, mean, square) in _states)
        {
            mean.Dispose();
            square.Dispose();
        }
    }
}
