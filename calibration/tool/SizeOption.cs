using System.CommandLine;
using System.Globalization;

namespace Specializer.Tool;

/// <summary>The size of pictures, where it is another than the model's own.</summary>
internal static class SizeOption
{
    public static Option<(int Height, int Width)?> Create() => new("--size")
    {
        HelpName = "HEIGHTxWIDTH", Description = "Rows and columns of a picture, such as 768x512; what the model's config.json says when absent.",
        CustomParser = result =>
        {
            string text = result.Tokens.Single().Value;
            string[] extents = text.Split('x');
            if (extents is [var rows, var columns] && int.TryParse(rows, NumberStyles.None, CultureInfo.InvariantCulture, out int height) && int.TryParse(columns, NumberStyles.None, CultureInfo.InvariantCulture, out int width))
                return (height, width);
            result.AddError($"--size is '{text}'; it must look like 768x512.");
            return null;
        },
    };
}
