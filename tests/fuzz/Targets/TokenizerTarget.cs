using System.Text;
using System.Text.Json;
using Specializer.Text;

namespace Specializer.Fuzz;

/// <summary>Reads a tokenizer's folder, of which one file is the input: its first line says which. An accepted one tokenizes.</summary>
internal sealed class TokenizerTarget : FuzzTarget
{
    private static readonly string[] s_files = ["vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"];

    private readonly string _folder = Scratch.Folder();
    private readonly byte[][] _sound;
    private int _changed = -1;

    public TokenizerTarget()
    {
        // As CLIP writes bytes: printable ones of Latin-1 are themselves, the others follow from U+0100 on.
        char next = '\u0100';
        string[] symbols = [.. Enumerable.Range(0, 256).Select(b => b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE ? (char)b : next++).Select(c => c.ToString())];
        string[] tokens = [.. symbols, .. symbols.Select(s => s + "</w>"), "re", "red</w>", "<|startoftext|>", "<|endoftext|>"];
        string[] sound =
        [
            JsonSerializer.Serialize(tokens.Select((token, id) => KeyValuePair.Create(token, id)).ToDictionary()),
            "#version: 0.2\nr e\nre d</w>\n",
            """{"tokenizer_class": "CLIPTokenizer", "model_max_length": 8, "bos_token": "<|startoftext|>", "eos_token": {"content": "<|endoftext|>", "lstrip": false}, "unk_token": "<|endoftext|>"}""",
            """{"pad_token": {"content": "<|endoftext|>"}, "bos_token": "<|startoftext|>"}""",
        ];
        _sound = [.. sound.Select(text => Encoding.UTF8.GetBytes(text))];
        for (int i = 0; i < s_files.Length; i++) Write(i, _sound[i]);
    }

    public override string Name => "tokenizer";

    public override IEnumerable<byte[]> Seeds => _sound.Select((text, i) => (byte[])[(byte)('0' + i), (byte)'\n', .. text]);

    public override byte[] Mutate(byte[] input, Mutator mutator) => input.Length > 2 ? [.. input[..2], .. mutator.Json(input.AsMemory(2))] : mutator.Bytes(input);

    public override string Read(byte[] input)
    {
        if (input.Length < 2) return "too short";
        int file = input[0] % s_files.Length;
        if (_changed >= 0 && _changed != file) Write(_changed, _sound[_changed]);
        Write(_changed = file, input.AsSpan(2));
        try
        {
            ClipTokenizer tokenizer = ClipTokenizer.Load(_folder);
            int[] ids = [.. tokenizer.Encode("Red réd 12!")];
            return ids.All(id => id >= 0) ? "accepted" : throw new InvalidOperationException("A token has no id.");
        }
        catch (TokenizerException e)
        {
            return e.Message;
        }
    }

    public override void Dispose() => Directory.Delete(_folder, recursive: true);

    private void Write(int file, ReadOnlySpan<byte> content)
    {
        using FileStream stream = File.Create(Path.Combine(_folder, s_files[file]));
        stream.Write(content);
    }
}
