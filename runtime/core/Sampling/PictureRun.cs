namespace Specializer;

/// <summary>What runs that begin with pictures do beside the sampler's own steps.</summary>
internal static class PictureRun
{
    /// <summary>Makes the first states: pictures with noise, of the level of the step at which the run begins.</summary>
    /// <param name="sampler">The sampler.</param>
    /// <param name="run">Begun.</param>
    /// <param name="batch">Its images, which begin at the same step.</param>
    public static void Begin(Sampler sampler, Execution run, CallImage[] batch)
    {
        SamplerDescription d = sampler.Description;
        GivenPictures pictures = d.Pictures!;
        (int start, bool noise, bool masked, _) = batch[0].Request.Kind;
        // What begins with noise alone needs the picture only to keep a part of it.
        if (masked || !noise)
        {
            Write(run, pictures.Input ?? pictures.Known, d.ImageElements, batch, i => i.Request.Pictures![i.Index]);
            if (masked) Write(run, pictures.Mask, d.StateElements, batch, i => i.Request.Pictures!.Mask);
            Encode(sampler, run, batch.Length, new(pictures.Known));
        }

        if (noise) sampler.RunBegin(run);
        else Mix(d, run, pictures.Levels[start]!.Value);
        run.Start = start;
    }

    /// <summary>Gives a network that fills in a masked part the state of the rest. Comes before all other inputs, whose memory the encoder may use.</summary>
    /// <param name="sampler">The sampler.</param>
    /// <param name="run">Begun.</param>
    /// <param name="batch">Its images.</param>
    public static void EncodeKept(Sampler sampler, Execution run, CallImage[] batch)
    {
        SamplerDescription d = sampler.Description;
        // Without an encoder a picture is a state, which is written as other inputs are.
        if (d.Pictures!.Encoded is null) return;
        Write(run, d.Pictures.Input!.Value, d.ImageElements, batch, i => i.Request.Pictures!.Kept(i.Index));
        Encode(sampler, run, batch.Length, Kept(d));
    }

    /// <summary>Puts what a mask keeps back into the state after a step: the picture, with the noise of the first state, of the next step's level.</summary>
    public static void Keep(SamplerDescription d, Execution run, int step)
    {
        GivenPictures pictures = d.Pictures!;
        bool last = step + 1 == d.Steps.Count;
        // Within a step of several evaluations there is no state to mix with.
        if (!last && pictures.Levels[step + 1] is null) return;
        SolverRegister known = new(pictures.Known), mask = new(pictures.Mask), noise = SolverRegister.Temporary(0), mixed = SolverRegister.Temporary(1);
        if (last)
        {
            run.Solve(step, [State(d).Blend(known, mask)], new StateShape(d));
            return;
        }

        PictureLevel level = pictures.Levels[step + 1]!.Value;
        run.Solve(step, [noise.Draw(-1), mixed.Set(level.Known * known + level.Noise * noise), State(d).Blend(mixed, mask)], new StateShape(d));
    }

    /// <summary>Calls every operation once.</summary>
    public static void Rehearse(Sampler sampler, Execution run)
    {
        SamplerDescription d = sampler.Description;
        Encode(sampler, run, run.Batch, new(d.Pictures!.Known));
        if (d.MaskedImage is not null) Encode(sampler, run, run.Batch, Kept(d));
        Mix(d, run, new(1, 1));
        Keep(d, run, d.Steps.Count - 1);
    }

    /// <param name="sampler">The sampler.</param>
    /// <param name="run">Begun, with pictures.</param>
    /// <param name="images">How many.</param>
    /// <param name="to">Receives their states.</param>
    private static void Encode(Sampler sampler, Execution run, int images, SolverRegister to)
    {
        if (sampler.Description.Pictures is not { Encoded: { } encoded }) return;
        // Guidance's second half has the same pictures.
        int all = run.Restrict(images);
        try
        {
            sampler.Encode(run);
        }
        finally
        {
            run.Restrict(all);
        }

        run.Solve(-1, [to.Set(1f * new SolverRegister(encoded))], new StateShape(sampler.Description));
    }

    private static void Mix(SamplerDescription d, Execution run, PictureLevel level)
    {
        SolverRegister noise = SolverRegister.Temporary(0);
        run.Solve(-1, [noise.Draw(-1), State(d).Set(level.Known * new SolverRegister(d.Pictures!.Known) + level.Noise * noise)], new StateShape(d));
    }

    /// <summary>The state, which the network reads unless its input is scaled.</summary>
    private static SolverRegister State(SamplerDescription d) => new(d.Latent, bothHalves: d.Input is null);

    /// <summary>What a network reads of the masked picture, the same in both halves of guidance.</summary>
    private static SolverRegister Kept(SamplerDescription d) => new(d.MaskedImage!.Buffer, bothHalves: true);

    private delegate ReadOnlySpan<float> Row(CallImage image);

    private static void Write(Execution run, Activation to, int elements, CallImage[] batch, Row row)
    {
        var rows = new float[batch.Length * elements];
        for (int i = 0; i < batch.Length; i++) row(batch[i]).CopyTo(rows.AsSpan(i * elements));
        run.Write(to, elements, rows);
    }
}
