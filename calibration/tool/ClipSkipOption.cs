using System.CommandLine;

namespace Specializer.Tool;

/// <summary>How much of a text encoder is left out.</summary>
internal static class ClipSkipOption
{
    public static Option<int> Create()
    {
        var option = new Option<int>("--clip-skip") { HelpName = "layers", Description = "Last layers of the text encoders to leave out, diffusers' clip_skip; 1 is what other programs call 2." };
        option.Validators.Add(result =>
        {
            // What is no number the parser reports by itself.
            if (result.Tokens is [var token] && int.TryParse(token.Value, out int layers) && layers < 0) result.AddError($"--clip-skip is {layers}; it must be 0, which leaves out no layer, or more.");
        });
        return option;
    }
}
