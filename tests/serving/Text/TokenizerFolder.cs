using System.Text.Json;
using Specializer.Tests;
using Specializer.Text;

namespace Specializer.Serving.Tests;

/// <summary>A tokenizer's folder of a test's own: every byte alone and at a word's end, some merges, and the two special tokens.</summary>
internal sealed class TokenizerFolder : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public TokenizerFolder(int length = 8)
    {
        string[] symbols = [.. Vocabulary.ByteSymbols().Select(c => c.ToString())];
        Ids = [.. symbols, .. symbols.Select(s => s + "</w>"), "re", "red</w>", "<|startoftext|>", "<|endoftext|>"];
        Write("vocab.json", JsonSerializer.Serialize(Ids.Select((token, id) => KeyValuePair.Create(token, id)).ToDictionary()));
        Write("merges.txt", "#version: 0.2\nr e\nre d</w>\n");
        Write("tokenizer_config.json", $$"""{"tokenizer_class": "CLIPTokenizer", "model_max_length": {{length}}, "bos_token": "<|startoftext|>", "eos_token": {"content": "<|endoftext|>", "lstrip": false}, "unk_token": "<|endoftext|>"}""");
    }

    public string Root => _folder.Root;

    /// <summary>Tokens in the order of their ids.</summary>
    public string[] Ids { get; }

    public int Id(string token) => Array.IndexOf(Ids, token);

    public int[] IdsOf(params string[] tokens) => Array.ConvertAll(tokens, Id);

    public void Write(string name, string text) => File.WriteAllText(_folder.File(name), text);

    public void Replace(string name, string before, string after)
    {
        string text = File.ReadAllText(_folder.File(name));
        Assert.Contains(before, text, StringComparison.Ordinal);
        Write(name, text.Replace(before, after, StringComparison.Ordinal));
    }

    public void Dispose() => _folder.Dispose();
}
