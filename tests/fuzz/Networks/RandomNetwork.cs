using System.Globalization;
using System.Text.Json.Nodes;
using Specializer.Generator.Tests;

namespace Specializer.Fuzz;

/// <summary>A random manifest: any kind of operation in any order, odd sizes, steps of any width, solver programs that no scheduler has. What it is made of can be taken away piece by piece.</summary>
/// <param name="Seed">Of the parts that are no block.</param>
/// <param name="Size">Rows and columns of the picture.</param>
/// <param name="Channels">Of the picture.</param>
/// <param name="Steps">Evaluations.</param>
/// <param name="Guided">Whether it has classes and is guided.</param>
/// <param name="ProductBits">Of attention.</param>
/// <param name="Blocks">A seed for each block.</param>
internal sealed record RandomNetwork(int Seed, int Size, int Channels, int Steps, bool Guided, int ProductBits, IReadOnlyList<int> Blocks) : IRandomNetwork
{
    public string Description => $"{Blocks.Count} blocks, {Steps} steps, {Size}×{Size}×{Channels}";

    public static RandomNetwork Of(Random random) => new(
        random.Next(), random.Next(1, 10), random.Next(1, 4), random.Next(1, 6), random.Next(3) == 0, random.Next(3) == 0 ? 8 : 32, [.. Enumerable.Range(0, random.Next(1, 8)).Select(_ => random.Next())]);

    public IEnumerable<IRandomNetwork> Smaller()
    {
        for (int length = Blocks.Count / 2; length > 0; length /= 2)
        {
            for (int at = 0; at + length <= Blocks.Count; at += length) yield return this with { Blocks = [.. Blocks.Take(at), .. Blocks.Skip(at + length)] };
        }

        if (Steps > 1) yield return this with { Steps = 1 };
        if (Steps > 2) yield return this with { Steps = Steps - 1 };
        if (Size > 1) yield return this with { Size = Size - 1 };
        if (Channels > 1) yield return this with { Channels = 1 };
        if (Guided) yield return this with { Guided = false };
        if (ProductBits == 8) yield return this with { ProductBits = 32 };
    }

    public RandomArtifact Make() => RandomArtifact.Of(Text());

    /// <summary>The manifest.</summary>
    public string Text()
    {
        var random = new Random(Seed);
        var builder = new ManifestBuilder
        {
            Size = Size, Channels = Channels, Steps = Steps, FirstStepsAtFourBits = random.Next(Steps + 1), ProductBits = ProductBits, MeanCorrection = Pick(random, "divide", "mmse", "off"),
            Guided = Guided, Classes = Guided ? 3 : 0, EmbeddingWidth = Guided ? 16 : 0,
        };
        builder.Map("latent", Size, Channels);
        var blocks = new RandomBlocks(builder, Size, "latent", Channels, ProductBits);
        foreach (int seed in Blocks) blocks.Add(new(seed));
        blocks.End();
        JsonObject json = builder.ToJson();
        json["weights"]!["sha256"] = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(BitConverter.GetBytes(Seed)));
        foreach (JsonNode? step in json["steps"]!.AsArray())
        {
            Scatter(step!["scales"]!.AsArray(), () => Number(0.002 + 0.05 * random.NextDouble()));
            JsonArray levels = step["levels"]!.AsArray(), zeros = step["zeroPoints"]!.AsArray();
            for (int i = 0; i < zeros.Count; i++) zeros[i] = random.Next(levels[i]!.GetValue<int>() + 1);
        }

        new RandomProgram(random).WriteTo(json);
        return ManifestBuilder.Text(json);
    }

    private static void Scatter(JsonArray array, Func<JsonNode> value)
    {
        for (int i = 0; i < array.Count; i++) array[i] = value();
    }

    internal static JsonNode Number(double value) => JsonNode.Parse(((float)value).ToString("R", CultureInfo.InvariantCulture))!;

    internal static T Pick<T>(Random random, params T[] choices) => choices[random.Next(choices.Length)];
}
