using System.ComponentModel;

namespace Specializer.CompilerServices;

/// <summary>How pictures enter that a call gives (<see cref="SampleOptions.Image"/>).</summary>
/// <param name="Known">Where their states lie.</param>
/// <param name="Mask">Where masks lie, as large as a state: 1 where it is drawn anew, else 0.</param>
/// <param name="Levels">For each evaluation what states are a mixture of; null within a step, where no run begins.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed record GivenPictures(Activation Known, Activation Mask, IReadOnlyList<PictureLevel?> Levels)
{
    /// <summary>Where pictures are written, for the encoder; null where they are states.</summary>
    public Activation? Input { get; init; }

    /// <summary>Where the encoder leaves states.</summary>
    public Activation? Encoded { get; init; }

    /// <summary>The evaluation at which a run begins that redraws a part of what is given.</summary>
    /// <param name="strength">Share of the steps that are taken, above 0, up to 1; one is taken at least.</param>
    internal int Start(double strength)
    {
        int[] starts = [.. Enumerable.Range(0, Levels.Count).Where(i => Levels[i] is not null)];
        return starts[starts.Length - Math.Clamp((int)(starts.Length * strength), 1, starts.Length)];
    }
}

/// <summary>x = Known·picture + Noise·noise.</summary>
/// <param name="Known">Factor of the picture.</param>
/// <param name="Noise">Factor of unit noise.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly record struct PictureLevel(float Known, float Noise);
