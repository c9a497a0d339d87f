using Specializer.Manifest;
using Specializer.Text;

namespace Specializer.Calibration;

/// <summary>Reads what makes conditions of prompts: one text encoder and its tokenizer, or the two of Stable Diffusion XL.</summary>
internal static class PromptEncoderImporter
{
    /// <summary>Folder of the text encoder, the first of two.</summary>
    public const string TextEncoder = "text_encoder";

    /// <summary>Folder of its tokenizer.</summary>
    public const string Tokenizer = "tokenizer";

    private const string Second = "text_encoder_2", SecondTokenizer = "tokenizer_2";

    /// <param name="layout">A pipeline's.</param>
    /// <param name="clipSkip">Last layers of each text encoder that are left out.</param>
    /// <returns>Null for a pipeline without text encoder.</returns>
    /// <exception cref="ModelImportException">A part is missing, malformed or does not fit the others.</exception>
    /// <exception cref="UnsupportedModelException">They are others than these.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A text encoder has no more layers than that.</exception>
    public static PromptEncoder? Read(ModelLayout layout, int clipSkip)
    {
        PipelineComponent[] encoders = [.. layout.Pipeline!.Components.Where(c => c.Name.StartsWith(TextEncoder, StringComparison.Ordinal))];
        if (encoders.Length == 0) return null;
        bool two = encoders.Length > 1 && encoders.Any(c => c.Name == TextEncoder);
        if (encoders.FirstOrDefault(c => !Supports(c, two)) is { } unsupported)
        {
            throw new UnsupportedModelException(layout.Pipeline.File, unsupported.Name, $"\"{unsupported.Class}\"",
                $"Supported: one '{TextEncoder}', a \"CLIPTextModel\", or beside it '{Second}', a \"CLIPTextModelWithProjection\".");
        }

        var (tokenizer, vocabulary, merges) = Open(layout, Tokenizer);
        ConfigurationReader config = Configuration(layout, TextEncoder);
        TextEncoderConfiguration configuration = Fit(config, tokenizer);
        if (!two)
        {
            return new(Import(layout, config, TextEncoder, weights => PartImporter.Import(config, weights, PipelinePart.TextEncoder, 1, tokenizer.Length, clipSkip: clipSkip)), tokenizer)
            {
                Vocabulary = vocabulary, Merges = merges, ClipSkip = clipSkip,
            };
        }

        var second = Open(layout, SecondTokenizer);
        ConfigurationReader secondConfig = Configuration(layout, Second);
        TextEncoderConfiguration secondConfiguration = Fit(secondConfig, second.Tokenizer);
        if (second.Tokenizer.Length != tokenizer.Length || !second.Vocabulary.AsSpan().SequenceEqual(vocabulary) || !second.Merges.AsSpan().SequenceEqual(merges))
        {
            throw new UnsupportedModelException(layout.Pipeline.File, SecondTokenizer, "another vocabulary or length",
                $"Supported: the vocabulary, merges and model_max_length of '{Tokenizer}'; the filling alone may differ.");
        }

        if (secondConfiguration.Projection == 0)
            throw new ModelImportException(secondConfig.File, "architectures", "does not name \"CLIPTextModelWithProjection\", whose projection is the text's summary. Download the folder again.");
        bool zeros = layout.Pipeline.ForceZeros;
        var faults = new PartFaults();
        ImportedNetwork? one = faults.Read(() => BeforeLast(TextEncoder, config, configuration, tokenizer)), other = faults.Read(() => BeforeLast(Second, secondConfig, secondConfiguration, second.Tokenizer));
        faults.Throw();
        return new(TextEncoderPair.Of(one!, other!, zeros), tokenizer) { Vocabulary = vocabulary, Merges = merges, Filling = second.Tokenizer.PaddingId, KnowsNone = zeros, ClipSkip = clipSkip };

        ImportedNetwork BeforeLast(string folder, ConfigurationReader json, TextEncoderConfiguration c, ClipTokenizer words) => Import(layout, json, folder, weights =>
        {
            // Configurations older than the number say 2, and mean the largest token, which ends a text.
            ImportedNetwork network = TextEncoderImporter.BeforeLast(c, weights.Tensors, words.Length, c.EndToken == 2 ? words.EndId : c.EndToken, clipSkip);
            weights.Check();
            return network with { StoredType = weights.Type };
        });
    }

    private static bool Supports(PipelineComponent component, bool two) => component.Name switch
    {
        TextEncoder => component.Class is "CLIPTextModel" or "",
        Second => two && component.Class is "CLIPTextModelWithProjection" or "",
        _ => false,
    };

    private static ConfigurationReader Configuration(ModelLayout layout, string folder) => ConfigurationReader.Open(Path.Combine(layout.Folder, folder, "config.json"));

    private static TextEncoderConfiguration Fit(ConfigurationReader config, ClipTokenizer tokenizer)
    {
        TextEncoderConfiguration configuration = TextEncoderConfiguration.Read(config);
        return tokenizer.Length <= configuration.Positions ? configuration : throw new ModelImportException(config.File, "max_position_embeddings",
            $"there are {configuration.Positions} positions, and the tokenizer's model_max_length is {tokenizer.Length}. The two folders do not belong together; download both again.");
    }

    private static ImportedNetwork Import(ModelLayout layout, ConfigurationReader config, string folder, Func<ModelWeights, ImportedNetwork> import) =>
        PartImporter.OpenWeights(Path.Combine(layout.Folder, folder), text: true, layout.Notes).Import(weights => import(weights) with { Sha256 = weights.Sha256 + config.Sha256, Ignored = [.. config.Ignored] });

    private static (ClipTokenizer Tokenizer, byte[] Vocabulary, byte[] Merges) Open(ModelLayout layout, string name)
    {
        string folder = Path.Combine(layout.Folder, name);
        if (!Directory.Exists(folder))
            throw new ModelImportException(folder, null, $"the folder does not exist, and without a tokenizer no prompt can be read. {PipelineImporter.Whole}");
        try
        {
            return (ClipTokenizer.Load(folder), ModelFile.ReadAll(Path.Combine(folder, "vocab.json")), ModelFile.ReadAll(Path.Combine(folder, "merges.txt")));
        }
        catch (TokenizerException e)
        {
            throw new ModelImportException(e.File, null, e.Message[(MessageText.Harmless(e.File).Length + 2)..], e);
        }
    }
}
