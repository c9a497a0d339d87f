using Specializer.Tests;
using Specializer.Text;

namespace Specializer.Serving.Tests;

/// <summary>Files come from anywhere: what is wrong with them is said by name, before anything is drawn.</summary>
public sealed class TokenizerFilesTests : IDisposable
{
    private readonly TokenizerFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("vocab.json", "{", "is not JSON")]
    [InlineData("vocab.json", """{"\ud800": 0}""", "not made of characters")]
    [InlineData("vocab.json", """{"\u001b[31m\u202e": -1}""", @"'\u001B[31m\u202E'")]
    [InlineData("tokenizer_config.json", """{"bos_token": "\udfff"}""", "not made of characters")]
    [InlineData("vocab.json", "[1]", "must hold a JSON object")]
    [InlineData("vocab.json", """{"a": "b"}""", "must have the ids 0 to 0")]
    [InlineData("vocab.json", """{"a": -1}""", "must have the ids 0 to 0")]
    [InlineData("vocab.json", """{"a": 1e9}""", "must have the ids 0 to 0")]
    [InlineData("vocab.json", """{"a": 0, "b": 0}""", "both have the id 0")]
    [InlineData("vocab.json", """{"a": 0, "a": 1}""", "stands there twice")]
    [InlineData("vocab.json", """{"a": 0}""", "one for each byte")]
    [InlineData("merges.txt", "r e\nrx\n", "line 2 is 'rx'")]
    [InlineData("merges.txt", "r  e\n", "line 1 is 'r  e'")]
    [InlineData("merges.txt", "r e\nr e\n", "line 2 repeats")]
    [InlineData("merges.txt", "a b\n", "'ab' is not in vocab.json")]
    [InlineData("tokenizer_config.json", "null", "must hold a JSON object")]
    [InlineData("tokenizer_config.json", """{"model_max_length": 1000000000000000019884624838656}""", "max_position_embeddings")]
    [InlineData("tokenizer_config.json", """{"model_max_length": 2}""", "max_position_embeddings")]
    [InlineData("tokenizer_config.json", """{"tokenizer_class": "T5Tokenizer"}""", "only CLIPTokenizer is known")]
    [InlineData("tokenizer_config.json", """{"bos_token": 5}""", "'bos_token' must be a token")]
    [InlineData("tokenizer_config.json", """{"bos_token": "<s>"}""", "has no token '<s>'")]
    [InlineData("special_tokens_map.json", """{"pad_token": {"content": ""}}""", "'pad_token' must be a token")]
    public void A_file_that_says_something_impossible_is_named(string name, string text, string message)
    {
        _folder.Write(name, text);

        TokenizerException error = Assert.Throws<TokenizerException>(() => ClipTokenizer.Load(_folder.Root));

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.StartsWith(_folder.Root, error.File, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("vocab.json")]
    [InlineData("merges.txt")]
    [InlineData("tokenizer_config.json")]
    public void A_missing_file_is_named(string name)
    {
        string path = Path.Combine(_folder.Root, name);
        File.Delete(path);
        Assert.Contains($"{name}: does not exist", Assert.Throws<TokenizerException>(() => ClipTokenizer.Load(_folder.Root)).Message, StringComparison.Ordinal);
        Directory.CreateDirectory(path);
        Assert.Contains($"{name}: is a folder", Assert.Throws<TokenizerException>(() => ClipTokenizer.Load(_folder.Root)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pipe_makes_nobody_wait()
    {
        if (OperatingSystem.IsWindows()) return;
        string path = Path.Combine(_folder.Root, "merges.txt");
        File.Delete(path);
        CommandResult.Run(_folder.Root, "mkfifo", [path]).AssertSucceeded();
        Assert.Contains("is a pipe", Assert.Throws<TokenizerException>(() => ClipTokenizer.Load(_folder.Root)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_that_is_none_is_named()
    {
        string file = Path.Combine(_folder.Root, "vocab.json");
        Assert.Contains("is a file", Assert.Throws<TokenizerException>(() => ClipTokenizer.Load(file)).Message, StringComparison.Ordinal);
        Assert.Contains("does not exist", Assert.Throws<TokenizerException>(() => ClipTokenizer.Load(Path.Combine(_folder.Root, "none"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Lines_may_end_as_on_Windows_and_the_map_may_be_missing()
    {
        _folder.Replace("merges.txt", "\n", "\r\n");

        Assert.Equal(_folder.IdsOf("red</w>"), ClipTokenizer.Load(_folder.Root).Encode("red"));
    }
}
