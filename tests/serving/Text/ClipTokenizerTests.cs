using Specializer.Tests;
using Specializer.Text;

namespace Specializer.Serving.Tests;

public sealed class ClipTokenizerTests : IDisposable
{
    private readonly TokenizerFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("Red", "red</w>")]
    [InlineData("  red\n\tred ", "red</w>", "red</w>")]
    [InlineData("reds", "re", "d", "s</w>")]
    [InlineData("12", "1</w>", "2</w>")]
    [InlineData("red's", "red</w>", "'", "s</w>")]
    [InlineData("red,", "red</w>", ",</w>")]
    [InlineData("é", "Ã", "©</w>")]
    [InlineData("a<|endoftext|>b", "a</w>", "<|endoftext|>", "b</w>")]
    [InlineData("")]
    [InlineData(" \n ")]
    public void Words_are_lower_case_and_encoded_by_bytes(string text, params string[] tokens) =>
        Assert.Equal(_folder.IdsOf(tokens), ClipTokenizer.Load(_folder.Root).Encode(text));

    [Fact]
    public void Samplers_read_what_fits_the_text_encoder()
    {
        IPromptTokenizer tokenizer = ClipTokenizer.Load(_folder.Root);
        Assert.Equal(_folder.IdsOf("<|startoftext|>", "red</w>", "red</w>", "red</w>", "red</w>", "red</w>", "red</w>", "<|endoftext|>"), tokenizer.ReadPrompt("red red red red red red red"));
    }

    [Fact]
    public void A_prompt_stands_between_first_and_last_token_and_is_filled_up()
    {
        TokenizedPrompt prompt = ClipTokenizer.Load(_folder.Root).Tokenize("red a");

        Assert.Equal(
            _folder.IdsOf("<|startoftext|>", "red</w>", "a</w>", "<|endoftext|>", "<|endoftext|>", "<|endoftext|>", "<|endoftext|>", "<|endoftext|>"),
            prompt.Ids.ToArray());
        Assert.Equal((1, 8, 2), (prompt.Chunks, prompt.ChunkLength, prompt.Tokens));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(6, 1)]
    [InlineData(7, 2)]
    [InlineData(12, 2)]
    [InlineData(13, 3)]
    public void Longer_prompts_take_more_chunks(int words, int chunks)
    {
        ClipTokenizer tokenizer = ClipTokenizer.Load(_folder.Root);

        TokenizedPrompt prompt = tokenizer.Tokenize(string.Join(' ', Enumerable.Repeat("red", words)));

        Assert.Equal((chunks, words), (prompt.Chunks, prompt.Tokens));
        for (int i = 0; i < chunks; i++)
        {
            int count = Math.Min(6, words - 6 * i);
            Assert.Equal(
                [tokenizer.BeginId, .. Enumerable.Repeat(_folder.Id("red</w>"), count), .. Enumerable.Repeat(tokenizer.EndId, 7 - count)],
                prompt.Chunk(i).ToArray());
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => prompt.Chunk(chunks));
    }

    [Fact]
    public void An_empty_prompt_takes_as_many_chunks_as_asked_for()
    {
        ClipTokenizer tokenizer = ClipTokenizer.Load(_folder.Root);
        int[] empty = tokenizer.Tokenize("").Ids.ToArray();

        Assert.Equal([.. empty, .. empty], tokenizer.Tokenize("", leastChunks: 2).Ids.ToArray());
        Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.Tokenize("", leastChunks: 0));
    }

    [Fact]
    public void The_map_of_special_tokens_wins_and_names_the_padding()
    {
        _folder.Write("special_tokens_map.json", """{"pad_token": {"content": "!", "single_word": false}}""");

        TokenizedPrompt prompt = ClipTokenizer.Load(_folder.Root).Tokenize("red");

        Assert.Equal(_folder.IdsOf("<|startoftext|>", "red</w>", "<|endoftext|>", "!", "!", "!", "!", "!"), prompt.Ids.ToArray());
    }

    [Fact]
    public void Weights_follow_their_words_into_the_chunks()
    {
        TokenizedPrompt prompt = ClipTokenizer.Load(_folder.Root).Tokenize(WeightedPrompt.Parse("a (red reds:1.5) a a a"));

        Assert.Equal([1, 1, 1.5f, 1.5f, 1.5f, 1.5f, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], prompt.Weights.ToArray());
        Assert.Equal(8, prompt.Tokens);
    }

    [Fact]
    public void A_prompt_without_end_is_refused() =>
        Assert.Throws<ArgumentException>(() => ClipTokenizer.Load(_folder.Root).Tokenize(new string('a', ClipTokenizer.MaximumPromptLength + 1)));

    // Expected ids are those of the model's training, whose tokenizer drops all but letters and digits.
    [SharedTheory("training/emoji/vocab.json", "training/emoji/merges.txt")]
    [InlineData("red heart", 687, 596)]
    [InlineData("pizza", 648, 901, 320)]
    [InlineData("cat face", 701, 521)]
    [InlineData("Smiling Face with Heart Eyes", 660, 521, 526, 596, 644)]
    [InlineData("keycap 10", 805, 272, 271)]
    [InlineData("astronaut riding a unicorn", 949, 523, 717, 910, 552, 673, 320, 742, 1194)]
    [InlineData("1234 sheep", 272, 273, 274, 275, 1459, 68, 335)]
    public void A_trained_vocabulary_gives_the_ids_of_its_training(string text, params int[] ids)
    {
        foreach (string name in (string[])["vocab.json", "merges.txt"])
            File.Copy(Path.Combine(SharedData.Root, "training", "emoji", name), Path.Combine(_folder.Root, name), overwrite: true);

        ClipTokenizer tokenizer = ClipTokenizer.Load(_folder.Root);

        Assert.Equal(ids, tokenizer.Encode(text));
        Assert.Equal((1512, 1513, 1513), (tokenizer.BeginId, tokenizer.EndId, tokenizer.PaddingId));
    }
}
