using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>How long a sampler takes for one picture on a processor, estimated: products by their rates. Norms, non-linearities and what moves in memory are not counted, nor that small layers are slower.</summary>
/// <param name="StepSeconds">Of one step.</param>
/// <param name="PictureSeconds">Of all steps, what runs once a call, and the decoder.</param>
/// <param name="Steps">Denoising steps.</param>
/// <param name="Evaluations">Of the network in a step: 2 under guidance.</param>
/// <param name="Rates">Of the processor.</param>
public sealed record TimeEstimate(double StepSeconds, double PictureSeconds, int Steps, int Evaluations, ProcessorRates Rates);

/// <summary>Products of one picture, by when they are made and by the width of the weights.</summary>
/// <param name="Call">Once a call.</param>
/// <param name="Step">In one evaluation of a step.</param>
/// <param name="End">By the decoder, all tiles together.</param>
/// <param name="Steps">Denoising steps.</param>
/// <param name="Evaluations">Of what is guided: 2, else 1.</param>
internal sealed record SamplerWork(SamplerWork.Products Call, SamplerWork.Products Step, SamplerWork.Products End, int Steps, int Evaluations)
{
    /// <param name="linked">All networks.</param>
    /// <param name="steps">Denoising steps.</param>
    /// <param name="guided">Whether each step evaluates twice.</param>
    /// <param name="tiles">In which the decoder makes a picture.</param>
    public static SamplerWork Of(LinkedNetwork linked, int steps, bool guided, int tiles)
    {
        Network network = linked.Network;
        var maps = network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        OperationCost[] costs = [.. network.Operations.Select(o => o.Cost(maps))];
        Products step = Products.Of(costs[linked.FirstStep..linked.FirstEnd]);
        return new(Products.Of(costs[..linked.CallOperations]), step with { Float32 = step.Float32 + (long)network.Embedding.Width * network.Embedding.Vectors },
            Products.Of(costs[linked.FirstEnd..], tiles), steps, guided ? 2 : 1);
    }

    /// <summary>At a processor's rates.</summary>
    public TimeEstimate At(ProcessorRates rates)
    {
        double step = Evaluations * Step.Seconds(rates);
        return new(step, Evaluations * Call.Seconds(rates) + Steps * step + End.Seconds(rates), Steps, Evaluations, rates);
    }

    /// <summary>Multiply-accumulates by the width of the weights.</summary>
    internal readonly record struct Products(long Float32, long EightBit, long FourBit)
    {
        public static Products Of(OperationCost[] costs, int times = 1)
        {
            return new(Sum(bits => bits is not (4 or 8)), Sum(bits => bits == 8), Sum(bits => bits == 4));

            long Sum(Func<int, bool> width) => times * costs.Where(c => width(c.Bits)).Sum(c => c.MultiplyAccumulates);
        }

        public double Seconds(ProcessorRates rates) => Float32 / rates.Float32 + EightBit / rates.EightBit + FourBit / rates.FourBit;
    }
}
