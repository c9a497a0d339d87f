using System.CommandLine;
using Specializer.Calibration;

namespace Specializer.Tool;

/// <summary>What a network reads besides its state, where nothing in its folder makes it.</summary>
internal static class ContextsOption
{
    public static Option<FileInfo?> Create() => new("--contexts")
    {
        HelpName = "file", Description = "Safetensors file with what the network reads besides its state, such as encoder_hidden_states [contexts, tokens, channels], in place of prompts.",
    };

    /// <summary>Reads what was given; null for nothing.</summary>
    public static GivenContexts? In(ParseResult result, Option<FileInfo?> option) => result.GetValue(option) is { } file ? GivenContexts.Read(file.FullName) : null;
}
