using System.Text;
using System.Text.RegularExpressions;
using Microsoft.ML.Tokenizers;

namespace Specializer.Text;

/// <summary>CLIP's tokenizer: byte-level pair encoding of lower-case words, as the text encoders of Stable Diffusion have it. Any number of threads may use one.</summary>
public sealed partial class ClipTokenizer : IPromptTokenizer
{
    /// <summary>The longest prompt, in characters: thousands of words, where no picture follows more than some dozens.</summary>
    public const int MaximumPromptLength = 1 << 16;

    private readonly BpeTokenizer _words;

    private ClipTokenizer(BpeTokenizer words, int length, int begin, int end, int padding) =>
        (_words, Length, BeginId, EndId, PaddingId) = (words, length, begin, end, padding);

    /// <summary>Tokens of a chunk with its first and last, <c>model_max_length</c>; a chunk holds two fewer of the prompt's.</summary>
    public int Length { get; }
    /// <summary>Id before a chunk.</summary>
    public int BeginId { get; }
    /// <summary>Id after a chunk.</summary>
    public int EndId { get; }
    /// <summary>Id that fills a chunk.</summary>
    public int PaddingId { get; }

    /// <summary>Loads the tokenizer of a model folder.</summary>
    /// <param name="folder">Folder with <c>vocab.json</c>, <c>merges.txt</c>, <c>tokenizer_config.json</c> and perhaps <c>special_tokens_map.json</c>.</param>
    /// <exception cref="TokenizerException">The folder or a file is missing, or is not CLIP's; the message says which and why.</exception>
    public static ClipTokenizer Load(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (!Directory.Exists(folder))
            throw new TokenizerException(folder, File.Exists(folder) ? "is a file; a tokenizer's folder is needed." : "the folder does not exist.");
        TokenizerConfiguration configuration = TokenizerConfiguration.Read(folder);
        Vocabulary vocabulary = Vocabulary.Read(folder);
        int begin = Id(configuration.Begin), end = Id(configuration.End), padding = Id(configuration.Padding);
        return Create(vocabulary, configuration.Length, begin, end, padding, vocabulary.Ids.ContainsKey(configuration.Unknown) ? configuration.Unknown : null);

        int Id(string token) => vocabulary.Ids.TryGetValue(token, out int id)
            ? id
            : throw new TokenizerException(Path.Combine(folder, Vocabulary.VocabularyFile), $"has no token '{token}', which the folder's configuration names.");
    }

    /// <summary>The tokenizer that a sampler was compiled with: its vocabulary and merges travel with its weights.</summary>
    /// <param name="sampler">The sampler; it is not kept.</param>
    /// <exception cref="ArgumentException">The sampler was compiled without one.</exception>
    /// <exception cref="TokenizerException">The files are not a vocabulary of CLIP's kind.</exception>
    public static ClipTokenizer Of(Sampler sampler)
    {
        ArgumentNullException.ThrowIfNull(sampler);
        if (sampler.Description.Prompt is not { Vocabulary: { } vocabularyText, Merges: { } mergesText, Empty: { Count: > 2 } empty })
            throw new ArgumentException($"{sampler.Description.Name} was compiled without a tokenizer. Load one from the model's folder with {nameof(Load)}.", nameof(sampler));
        string name = sampler.Description.Name, file = $"{name}: {Vocabulary.VocabularyFile}";
        Vocabulary vocabulary = Vocabulary.Parse(file, Encoding.UTF8.GetString(sampler.ReadText(vocabularyText)), $"{name}: {Vocabulary.MergesFile}", Encoding.UTF8.GetString(sampler.ReadText(mergesText)));
        // The empty prompt is beginning, end, filling.
        if (empty.FirstOrDefault(id => id >= vocabulary.Ids.Count, -1) is >= 0 and int missing) throw new TokenizerException(file, $"has no token {missing}, which the empty prompt holds.");
        return Create(vocabulary, empty.Count, empty[0], empty[1], empty[2], vocabulary.Ids.First(t => t.Value == empty[1]).Key);
    }

    private static ClipTokenizer Create(Vocabulary vocabulary, int length, int begin, int end, int padding, string? unknown)
    {
        Dictionary<string, int> special = vocabulary.Ids.Where(t => t.Value == begin || t.Value == end).ToDictionary(StringComparer.Ordinal);
        var words = BpeTokenizer.Create(new BpeOptions(vocabulary.Ids)
        {
            Merges = vocabulary.Merges,
            SpecialTokens = special,
            Normalizer = LowerCaseNormalizer.Instance,
            PreTokenizer = new RegexPreTokenizer(Word(), special),
            UnknownToken = unknown,
            EndOfWordSuffix = Vocabulary.EndOfWord,
            ByteLevel = true,
        });
        return new(words, length, begin, end, padding);
    }

    /// <inheritdoc/>
    IReadOnlyList<int> IPromptTokenizer.ReadPrompt(string prompt) => Tokenize(prompt).Chunk(0).ToArray();

    /// <summary>The ids of a text alone, without first, last and padding.</summary>
    /// <param name="text">The text, at most <see cref="MaximumPromptLength"/> characters.</param>
    /// <exception cref="ArgumentException">The text is too long.</exception>
    public IReadOnlyList<int> Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > MaximumPromptLength)
            throw new ArgumentException($"The prompt has {text.Length} characters; at most {MaximumPromptLength} are taken.", nameof(text));
        // Composed as the vocabulary was trained. In a program with InvariantGlobalization the runtime leaves text as it is.
        return _words.EncodeToIds(text.Normalize());
    }

    /// <summary>A prompt in chunks: as many as it takes, each with first and last token, the last one filled up.</summary>
    /// <param name="prompt">The prompt; empty for "none".</param>
    /// <param name="leastChunks">Chunks to fill at least, at least 1: guidance needs as many of the empty prompt as of the other.</param>
    /// <exception cref="ArgumentException">The prompt is too long, or <paramref name="leastChunks"/> is below 1.</exception>
    public TokenizedPrompt Tokenize(string prompt, int leastChunks = 1) => Assemble([new(prompt, 1)], leastChunks);

    /// <summary>A prompt with weights, in chunks.</summary>
    /// <inheritdoc cref="Tokenize(string, int)"/>
    public TokenizedPrompt Tokenize(WeightedPrompt prompt, int leastChunks = 1)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        return Assemble(prompt.Parts, leastChunks);
    }

    private TokenizedPrompt Assemble(IReadOnlyList<PromptPart> parts, int leastChunks)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(leastChunks, 1);
        (int Id, float Weight)[] tokens = [.. parts.SelectMany(part => Encode(part.Text).Select(id => (id, part.Weight)))];
        int room = Length - 2, chunks = Math.Max(leastChunks, (tokens.Length + room - 1) / room);
        var ids = new int[checked(chunks * Length)];
        var weights = new float[ids.Length];
        Array.Fill(ids, PaddingId);
        Array.Fill(weights, 1);
        for (int chunk = 0; chunk < chunks; chunk++)
        {
            int at = chunk * Length, first = Math.Min(chunk * room, tokens.Length), count = Math.Min(room, tokens.Length - first);
            ids[at] = BeginId;
            for (int i = 0; i < count; i++) (ids[at + 1 + i], weights[at + 1 + i]) = tokens[first + i];
            ids[at + 1 + count] = EndId;
        }

        return new(ids, weights, Length, tokens.Length);
    }

    // The parts of a text that are encoded each by itself: contractions, words, single digits, runs of other signs.
    [GeneratedRegex(@"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Word();
}
