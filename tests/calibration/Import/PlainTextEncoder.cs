using Specializer.Formats;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>CLIP's text encoder (Radford et al. 2021) in plain loops of FP64, after transformers' names and nothing of the importer.</summary>
/// <param name="folder">Of <c>model.safetensors</c>.</param>
/// <param name="heads">Of the attention.</param>
/// <param name="activation"><c>gelu</c> or <c>quick_gelu</c>.</param>
internal sealed class PlainTextEncoder(string folder, int heads, string activation)
{
    public const int Positions = 12, Layers = 3, Heads = 4, Channels = 24, Vocabulary = 40, End = Vocabulary - 1, Projection = 16;

    /// <summary>A text that ends before its last place.</summary>
    public static readonly int[] Text = [38, 3, 17, 0, 25, 8, 11, End, End, End, End, End];

    /// <summary>Writes a <c>CLIPTextModelWithProjection</c> of random weights.</summary>
    public static TemporaryFolder Write(string activation)
    {
        var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("config.json"), $$"""
            {"architectures": ["CLIPTextModelWithProjection"], "model_type": "clip_text_model", "hidden_size": {{Channels}}, "intermediate_size": 56, "num_hidden_layers": {{Layers}}, "num_attention_heads": {{Heads}},
             "max_position_embeddings": {{Positions}}, "hidden_act": "{{activation}}", "vocab_size": {{Vocabulary}}, "eos_token_id": {{End}}, "projection_dim": {{Projection}}}
            """);
        var tensors = new RandomTensors(8);
        tensors.Add("text_model.embeddings.token_embedding.weight", 1, Vocabulary, Channels);
        tensors.Add("text_model.embeddings.position_embedding.weight", 4, Positions, Channels);
        for (int i = 0; i < Layers; i++)
        {
            string layer = $"text_model.encoder.layers.{i}";
            foreach (string part in (string[])["q_proj", "k_proj", "v_proj", "out_proj"]) tensors.Linear($"{layer}.self_attn.{part}", Channels, Channels);
            tensors.Norm($"{layer}.layer_norm1", Channels);
            tensors.Norm($"{layer}.layer_norm2", Channels);
            tensors.Linear($"{layer}.mlp.fc1", Channels, 56);
            tensors.Linear($"{layer}.mlp.fc2", 56, Channels);
        }

        tensors.Norm("text_model.final_layer_norm", Channels);
        tensors.Add("text_projection.weight", Channels, Projection, Channels);
        tensors.Save(folder.File("model.safetensors"));
        return folder;
    }

    /// <summary>The states of a text's tokens behind some layers, without the final norm.</summary>
    public double[][] Hidden(int[] ids, int layers)
    {
        double[][] tokens = Rows("text_model.embeddings.token_embedding.weight"), positions = Rows("text_model.embeddings.position_embedding.weight");
        double[][] h = Sum([.. ids.Select(id => tokens[id])], positions[..ids.Length]);
        for (int i = 0; i < layers; i++)
        {
            string layer = $"text_model.encoder.layers.{i}", attention = $"{layer}.self_attn";
            double[][] normal = Norm($"{layer}.layer_norm1", h);
            h = Sum(h, Linear($"{attention}.out_proj", Attention(Linear($"{attention}.q_proj", normal), Linear($"{attention}.k_proj", normal), Linear($"{attention}.v_proj", normal))));
            double[][] wide = Linear($"{layer}.mlp.fc1", Norm($"{layer}.layer_norm2", h));
            h = Sum(h, Linear($"{layer}.mlp.fc2", [.. wide.Select(row => Array.ConvertAll(row, Activate))]));
        }

        return h;
    }

    /// <summary>The states behind the final norm.</summary>
    public double[][] Normal(int[] ids, int layers) => Norm("text_model.final_layer_norm", Hidden(ids, layers));

    /// <summary>A text's summary: the projection of its state at the first end token.</summary>
    public double[] Summary(int[] ids, int layers) => Product([Normal(ids, layers)[Array.IndexOf(ids, End)]], Rows("text_projection.weight"))[0];

    private double[][] Attention(double[][] q, double[][] k, double[][] v)
    {
        int width = q[0].Length / heads;
        double[][] result = [.. q.Select(row => new double[row.Length])];
        for (int head = 0; head < heads; head++)
        {
            Range channels = (head * width)..((head + 1) * width);
            for (int to = 0; to < q.Length; to++)
            {
                // A token reads none that follow it.
                double[] weights = [.. k[..(to + 1)].Select(key => Math.Exp(Dot(q[to][channels], key[channels]) / Math.Sqrt(width)))];
                for (int from = 0; from <= to; from++)
                    for (int c = head * width; c < (head + 1) * width; c++) result[to][c] += weights[from] / weights.Sum() * v[from][c];
            }
        }

        return result;
    }

    private double[][] Linear(string name, double[][] x) => Sum(Product(x, Rows($"{name}.weight")), [.. Enumerable.Repeat(Row($"{name}.bias"), x.Length)]);

    private double[][] Norm(string name, double[][] x)
    {
        double[] gain = Row($"{name}.weight"), offset = Row($"{name}.bias");
        return [.. x.Select(row =>
        {
            double mean = row.Average(), deviation = Math.Sqrt(row.Average(v => (v - mean) * (v - mean)) + 1e-5);
            return row.Select((v, c) => (v - mean) / deviation * gain[c] + offset[c]).ToArray();
        })];
    }

    private double Activate(double x) => activation == "gelu" ? x * (1 + Erf(x / Math.Sqrt(2))) / 2 : x / (1 + Math.Exp(-1.702 * x));

    /// <summary>2/√π · ∫₀ˣ exp(−t²) dt, by Simpson's rule.</summary>
    private static double Erf(double x)
    {
        const int parts = 400;
        double width = x / parts;
        double sum = Enumerable.Range(0, parts + 1).Sum(i => (i is 0 or parts ? 1 : i % 2 == 1 ? 4 : 2) * Math.Exp(-i * width * i * width));
        return 2 / Math.Sqrt(Math.PI) * width / 3 * sum;
    }

    private static double[][] Product(double[][] x, double[][] weight) => [.. x.Select(row => Array.ConvertAll(weight, w => Dot(w, row)))];

    private static double[][] Sum(double[][] a, double[][] b) => [.. a.Zip(b, (p, q) => p.Zip(q, (x, y) => x + y).ToArray())];

    private static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();

    private double[] Row(string name) => Rows(name)[0];

    private double[][] Rows(string name)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, "model.safetensors"));
        return [.. Array.ConvertAll(file.ReadFloats(name), v => (double)v).Chunk((int)file.Entries[name].Shape[^1])];
    }
}
