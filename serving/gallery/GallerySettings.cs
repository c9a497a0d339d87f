using System.Globalization;

namespace Specializer.Gallery;

/// <summary>What may be set on the command line.</summary>
internal sealed record GallerySettings
{
    /// <summary>Emoji, by prompt.</summary>
    public const string Emoji = "emoji";

    /// <summary>Handwritten digits, by label.</summary>
    public const string Digits = "digits";

    /// <summary>The model on show.</summary>
    public string Model { get; init; } = Emoji;

    /// <summary>Port on the loopback addresses; 0 for any that is free.</summary>
    public int Port { get; init; } = 5080;

    /// <summary>Whether the FP32 network draws beside the quantized sampler.</summary>
    public bool Reference { get; init; } = true;

    /// <summary>Pause after each step: pictures of this size are otherwise finished before they are seen to begin.</summary>
    public TimeSpan Pause { get; init; }

    /// <summary>Drawings that may wait, at least 1, while one is drawn; the next is refused.</summary>
    public int Queue { get; init; } = 4;

    /// <summary>How long a drawing goes on that no page follows, so that a page may be loaded again.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(5);

    /// <exception cref="FormatException">An option is unknown or its value out of range.</exception>
    public static GallerySettings Read(IConfiguration configuration)
    {
        var settings = new GallerySettings();
        foreach (IConfigurationSection option in configuration.GetChildren())
        {
            string value = option.Value ?? "";
            settings = option.Key switch
            {
                "model" => settings with { Model = value is Emoji or Digits ? value : throw new FormatException($"--model is '{value}'; it must be {Emoji} or {Digits}.") },
                "port" => settings with { Port = Number(option.Key, value, 0, 65535) },
                "reference" => settings with { Reference = bool.TryParse(value, out bool wanted) ? wanted : throw new FormatException($"--reference is '{value}'; it must be true or false.") },
                "pause" => settings with { Pause = TimeSpan.FromMilliseconds(Number(option.Key, value, 0, 10_000)) },
                "queue" => settings with { Queue = Number(option.Key, value, 1, 1000) },
                _ => throw new FormatException($"There is no option --{option.Key}. Those that there are: --model, --port, --reference, --pause, --queue."),
            };
        }

        return settings;
    }

    private static int Number(string name, string value, int least, int most) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most
            ? number : throw new FormatException($"--{name} is '{value}'; it must be a whole number from {least} to {most}.");
}
