using Specializer.Formats;

namespace Specializer.Fuzz;

/// <summary>Reads anything as PNG, and what is made of it by the writer.</summary>
internal sealed class PngTarget : FuzzTarget
{
    public override string Name => "png";

    public override IEnumerable<byte[]> Seeds =>
    [
        [1, 0, 1, 2, 3, 4], [2, 1, .. new byte[27]], PngWriter.Encode([.. Enumerable.Range(0, 60).Select(i => (byte)(7 * i))], 4, 5, 3), PngWriter.Encode(new byte[64], 8, 8, 1, new KeyValuePair<string, string>("a", "b")),
    ];

    public override string Read(byte[] input)
    {
        Written(input);
        try
        {
            PngPicture picture = PngReader.Decode(input);
            if (picture.Pixels.Length != picture.Height * picture.Width * picture.Channels) throw new InvalidOperationException("The picture is not as large as it says.");
            return "accepted";
        }
        catch (InvalidDataException e)
        {
            // One error a place, whatever numbers it names.
            return string.Concat(e.Message.Where(c => !char.IsAsciiDigit(c)));
        }
    }

    /// <summary>Width less 1, whether RGB, then pixels.</summary>
    private static void Written(byte[] input)
    {
        if (input.Length < 2) return;
        int width = input[0] + 1, channels = input[1] % 2 == 0 ? 1 : 3, row = width * channels, height = (input.Length - 2) / row;
        if (height == 0) return;
        byte[] pixels = input[2..(2 + height * row)];
        PngPicture read = PngReader.Decode(PngWriter.Encode(pixels, height, width, channels));
        if ((read.Height, read.Width, read.Channels) != (height, width, channels) || !read.Pixels.Span.SequenceEqual(pixels)) throw new InvalidOperationException("What was written reads back as another picture.");
    }
}
