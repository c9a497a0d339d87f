using Specializer.Formats;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>The four runs of which <see cref="GoldenProgramTests"/> allows more: in diffusers' single precision and order of operations each step is what was recorded, so that the difference is its rounding.</summary>
public class LibraryRoundingTests
{
    private const double Tolerance = 3e-7;

    private delegate float Step(float x, float m, float z);

    /// <summary>DDPM over a schedule of 50 timesteps: 1 − ᾱ/ᾱ′ cancels.</summary>
    [SharedFact("golden/" + GoldenCase.First)]
    public void Ddpm() => Check("c021", 50, (file, i) =>
    {
        float[] alphaBars = Betas.AlphaBars(Betas.Of(BetaSchedule.Linear, 1e-4, 0.02, 50));
        int t = 49 - i;
        float product = alphaBars[t], next = t == 0 ? 1 : alphaBars[t - 1], left = 1 - product, nextLeft = 1 - next, a = product / next, b = 1 - a;
        float original = MathF.Sqrt(next) * b / left, state = MathF.Sqrt(a) * nextLeft / left, sigma = t == 0 ? 0 : MathF.Sqrt(MathF.Max(nextLeft / left * b, 1e-20f));
        return (x, m, z) => original * Math.Clamp((x - MathF.Sqrt(left) * m) / MathF.Sqrt(product), -1, 1) + state * x + sigma * z;
    });

    /// <summary>Heun's method from ρ = 157 in four steps: (x − x₀)/ρ′ at ρ′ = 0.01.</summary>
    [SharedFact("golden/" + GoldenCase.Further)]
    public void Heun()
    {
        var derivatives = new Queue<float>();
        var starts = new Queue<float>();
        Check("m011", 7, (file, i) =>
        {
            float[] sigmas = file.ReadFloats("m011.sigmas");
            float sigma = sigmas[i % 2 == 0 ? i : i - 1], next = sigmas[i % 2 == 0 ? i + 1 : i], dt = next - sigma;
            return (x, m, _) =>
            {
                float at = i % 2 == 0 ? sigma : next, derivative = (x - (x - at * m)) / at;
                if (i % 2 != 0) return starts.Dequeue() + (derivatives.Dequeue() + derivative) / 2 * dt;
                if (next != 0)
                {
                    derivatives.Enqueue(derivative);
                    starts.Enqueue(x);
                }

                return x + derivative * dt;
            };
        });
    }

    /// <summary>Ancestral steps: ρ↓² = ρ′² − ρ↑² where ρ is many times ρ′. KDPM2 from ρ = 157 in four steps.</summary>
    [SharedFact("golden/" + GoldenCase.Further)]
    public void Kdpm2Ancestral()
    {
        var starts = new Queue<float>();
        Check("m031", 7, (file, i) =>
        {
            float[] sigmas = file.ReadFloats("m031.sigmas");
            float sigma = sigmas[i % 2 == 0 ? i : i - 1], next = sigmas[i % 2 == 0 ? i + 1 : i];
            var (down, up) = Split(sigma, next);
            float middle = next == 0 ? 0 : MathF.Exp(MathF.Log(sigma) + 0.5f * (MathF.Log(down) - MathF.Log(sigma)));
            return (x, m, z) =>
            {
                if (i % 2 != 0) return starts.Dequeue() + (x - (x - middle * m)) / middle * (down - sigma) + z * up;
                if (next != 0) starts.Enqueue(x);
                return x + (x - (x - sigma * m)) / sigma * (middle - sigma);
            };
        });
    }

    /// <summary>The same at zero terminal SNR, from ρ = 4096.</summary>
    [SharedFact("golden/" + GoldenCase.Further)]
    public void EulerAncestral() => Check("m035", 10, (file, i) =>
    {
        float[] sigmas = file.ReadFloats("m035.sigmas");
        float sigma = sigmas[i], square = sigma * sigma + 1;
        var (down, up) = Split(sigma, sigmas[i + 1]);
        return (x, m, z) => x + (x - (m * (-sigma / MathF.Sqrt(square)) + x / square)) / sigma * (down - sigma) + z * up;
    });

    private static (float Down, float Up) Split(float from, float to)
    {
        float up = MathF.Sqrt(to * to * (from * from - to * to) / (from * from));
        return (MathF.Sqrt(to * to - up * up), up);
    }

    private static void Check(string id, int evaluations, Func<SafetensorsFile, int, Step> at)
    {
        using SafetensorsFile file = GoldenCase.All.Single(c => c.Id == id).Open();
        float[] outputs = file.ReadFloats($"{id}.model_output"), states = file.ReadFloats($"{id}.x"), noise = file.Entries.ContainsKey($"{id}.noise") ? file.ReadFloats($"{id}.noise") : new float[states.Length];
        float[] before = file.Entries.ContainsKey($"{id}.xT") ? file.ReadFloats($"{id}.xT") : file.ReadFloats($"{id}.model_input")[..(states.Length / evaluations)];
        int size = before.Length;
        for (int i = 0; i < evaluations; i++)
        {
            Step step = at(file, i);
            float[] after = states[(i * size)..][..size];
            double largest = after.Max(Math.Abs), worst = Enumerable.Range(0, size).Max(e => Math.Abs((double)step(before[e], outputs[i * size + e], noise[i * size + e]) - after[e]));
            Assert.True(worst <= Tolerance * largest, $"evaluation {i}: {worst / largest:g3} of the largest value");
            before = after;
        }
    }
}
