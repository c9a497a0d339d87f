namespace Specializer;

/// <summary>Turns texts into the tokens that a sampler's text encoder reads. The package Specializer.Text has one; any number of threads may use it.</summary>
public interface IPromptTokenizer
{
    /// <summary>A text's tokens: beginning, text, end and filling, as many as the text encoder reads. What does not fit is left out.</summary>
    /// <param name="prompt">The text; empty for "none".</param>
    /// <exception cref="ArgumentException">The text cannot be read.</exception>
    IReadOnlyList<int> ReadPrompt(string prompt);
}
