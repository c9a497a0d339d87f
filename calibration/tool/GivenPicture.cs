using System.Diagnostics;
using Specializer.Calibration;
using Specializer.Formats;

namespace Specializer.Tool;

/// <summary>A picture that a run begins with.</summary>
/// <param name="Picture">The picture.</param>
/// <param name="Mask">Where it is drawn anew; null for everywhere.</param>
/// <param name="Strength">How much of it is drawn anew.</param>
internal sealed record GivenPicture(PngPicture Picture, PngPicture? Mask, double Strength)
{
    /// <summary>As in the source library.</summary>
    public const double UsualStrength = 0.8;

    /// <returns>Null where none is given.</returns>
    /// <exception cref="ArgumentException">There is a mask, or a strength, and no picture, or the two have different sizes.</exception>
    /// <exception cref="InvalidDataException">A file is no PNG that can be read.</exception>
    /// <exception cref="IOException">A file is missing or unreadable.</exception>
    public static GivenPicture? Read(FileInfo? image, FileInfo? mask, double strength)
    {
        if (image is null)
        {
            if (mask is not null) throw new ArgumentException("--mask needs the picture that it keeps the rest of: give --image.");
            return strength == UsualStrength ? null : throw new ArgumentException("--strength is how much of a picture is drawn anew: give --image.");
        }

        PngPicture picture = PngReader.Read(image.FullName);
        PngPicture? masked = mask is null ? null : PngReader.Read(mask.FullName);
        if (masked is not null && (masked.Height, masked.Width) != (picture.Height, picture.Width))
            throw new ArgumentException($"{mask!.FullName}: the mask has {masked.Height} × {masked.Width} pixels, the picture {picture.Height} × {picture.Width}. Make them of one size.");
        return new(picture, masked, strength);
    }

    /// <summary>Draws in FP32, beginning with the picture.</summary>
    public ImageBatch Draw(ImportedModel model, Float32SampleOptions options, string? scheduler, int steps, double? eta, Device device, Stopwatch clock, IProgress<SampleProgress> progress, CancellationToken cancellation)
    {
        options.Contexts?.Check(model);
        using InterpretedSampler sampler = InterpretedSampler.Float32(model, steps, eta, scheduler, device, options.Guidance);
        clock.Start();
        var wanted = new SampleOptions
        {
            Count = options.Count, Seed = options.Seed, FirstImage = options.FirstImage, Prompts = options.Prompts, NegativePrompt = options.NegativePrompt, Labels = options.Labels,
            Guidance = options.Guidance, Image = Picture.ToImage(sampler.Description.Channels), Mask = Mask?.ToMask() ?? [], Strength = Strength,
        };
        return sampler.Sample(options.Contexts is { } contexts ? wanted with { Inputs = contexts.Inputs, NegativeInputs = contexts.NegativeInputs } : wanted, progress, cancellation);
    }
}
