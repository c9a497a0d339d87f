using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Specializer.Calibration.Conversion;
using Specializer.Formats;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>The weights of one network: a safetensors file, or several with an index. Tensors go by their names without a prefix that all share.</summary>
internal sealed class ModelWeights : IDisposable
{
    /// <summary>Name that a network's weights usually have in diffusers' folders.</summary>
    private const string Usual = "diffusion_pytorch_model.safetensors";

    /// <summary>Name that a text encoder's weights usually have: its folder is as transformers writes it.</summary>
    public const string UsualOfText = "model.safetensors";
    private const int MaximumShards = 1024;

    private readonly List<SafetensorsFile> _files = [];
    // By their names here: the file, and where in it.
    private readonly Dictionary<string, (SafetensorsFile File, MappedTensor At)> _stored = new(StringComparer.Ordinal);

    private ModelWeights(string path) => Path = path;

    /// <summary>The file, or the index of several.</summary>
    public string Path { get; }

    /// <summary>All tensors.</summary>
    public SourceTensors Tensors { get; private set; } = null!;

    /// <summary>The coarsest floating-point type that a tensor is stored in.</summary>
    public DType Type => Coarsest(_files.SelectMany(f => f.Entries.Values).Select(e => e.Type));

    /// <summary>SHA-256 of the file; of several, of their hashes in the order of their names.</summary>
    public string Sha256 => _files is [var single] ? single.Sha256()
        : Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(string.Concat(_files.Select(f => f.Sha256())))));

    /// <summary>The coarsest floating-point type of several; F32 for none.</summary>
    public static DType Coarsest(IEnumerable<DType> types) => types.OrderBy(Precision).FirstOrDefault(DType.F32);

    /// <summary>Opens the weights in a network's folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="file">The file that was asked for; null for the one that is meant.</param>
    /// <param name="notes">Receives what was taken where the usual file is not there.</param>
    /// <param name="usual">The usual file's name.</param>
    /// <exception cref="ModelImportException">There are none, or it is not certain which are meant, or they are malformed.</exception>
    public static ModelWeights Open(string folder, string? file, List<string> notes, string usual = Usual)
    {
        var weights = new ModelWeights(file ?? Choose(folder, usual, notes));
        try
        {
            bool several = weights.Path.EndsWith(".json", StringComparison.Ordinal);
            weights.Read(several ? Shards(folder, ConfigurationReader.Open(weights.Path)) : new Dictionary<string, string[]?>(StringComparer.Ordinal) { [weights.Path] = null }, notes);
            if (several) notes.Add($"The weights lie in {weights._files.Count} files that {System.IO.Path.GetFileName(weights.Path)} lists.");
            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>Checks that the tensors are those that were asked for, and looks through them.</summary>
    /// <param name="partly">Whether there may be more.</param>
    /// <exception cref="TensorMismatchException">Tensors are missing, have other extents, or were not asked for.</exception>
    /// <exception cref="ModelImportException">One holds NaN or infinity.</exception>
    public void Check(bool partly = false)
    {
        Tensors.Check(partly);
        foreach (string name in Tensors.Taken)
        {
            var (file, at) = _stored[name];
            long element = file.FindNonFinite(at.Key);
            if (element < 0) continue;
            float value = file.ReadFloats(at.Key)[element];
            throw new ModelImportException(Path, name, $"element {element} is {value}; every weight must be finite. Download or export the model again.");
        }
    }

    /// <summary>Makes something of the weights that reads them as long as it is in use; if that fails, they are closed.</summary>
    /// <param name="import">Reads the tensors.</param>
    /// <exception cref="ModelImportException">The file is malformed.</exception>
    public T Import<T>(Func<ModelWeights, T> import)
    {
        try
        {
            return import(this);
        }
        catch (SafetensorsException e)
        {
            Dispose();
            throw new ModelImportException(Path, e.Tensor, $"{e.Cause}. Download or export the model again.", e);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (SafetensorsFile file in _files) file.Dispose();
    }

    /// <summary>Opens a part of a file that holds a whole pipeline in another layout.</summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">By name in diffusers' layout.</param>
    /// <exception cref="ModelImportException">The file is malformed.</exception>
    public static ModelWeights Open(string path, IReadOnlyDictionary<string, MappedTensor> tensors)
    {
        var weights = new ModelWeights(path);
        SafetensorsFile file = Open(path);
        weights._files.Add(file);
        foreach (var (name, at) in tensors) weights._stored.Add(name, (file, at));
        weights.Tensors = weights.Stored();
        return weights;
    }

    private SourceTensors Stored() => new(Path, _stored.ToDictionary(s => s.Key, s => s.Value.At.Shape, StringComparer.Ordinal), name => _stored[name].At.Read(_stored[name].File), OtherType, IsHalf);

    private bool IsHalf(string name) => _stored[name] is var (file, at) && file.Entries[at.Key].Type == DType.F16;

    private string? OtherType(string name) => _stored[name] is var (file, at) && file.Entries[at.Key].Type is var type and not (DType.F16 or DType.BF16 or DType.F32 or DType.F64) ? type.Name() : null;

    private static string Choose(string folder, string usual, List<string> notes)
    {
        string path = System.IO.Path.Combine(folder, usual);
        if (System.IO.Path.Exists(path)) return path;
        string[] names = Directory.Exists(folder) ? [.. Disk.Files(folder).Select(f => System.IO.Path.GetFileName(f))] : [];
        string[] indices = [.. names.Where(n => n.Contains(".safetensors.", StringComparison.Ordinal) && n.EndsWith(".json", StringComparison.Ordinal))];
        // The parts of a set are nothing by themselves.
        string[] candidates = [.. indices, .. names.Where(n => n.EndsWith(".safetensors", StringComparison.Ordinal) && !n.Contains("-of-", StringComparison.Ordinal) && !IsOfTheProject(n))];
        string? chosen = candidates.FirstOrDefault(n => n == usual + ".index.json") ?? candidates.FirstOrDefault(n => n == UsualOfText) ?? (candidates is [var only] ? only : null);
        if (chosen is not null)
        {
            if (!indices.Contains(chosen)) notes.Add($"{chosen} is read, as there is no {usual}.");
            return System.IO.Path.Combine(folder, chosen);
        }

        throw new ModelImportException(path, null, candidates.Length > 1
            ? $"the file does not exist, and which of {string.Join(", ", candidates)} is meant is not certain. Name the file in place of the folder: {System.IO.Path.Combine(folder, candidates[0])}."
            : Missing(folder, usual, names));
    }

    private static bool IsOfTheProject(string name) => name == "golden.safetensors" || name.EndsWith(".weights.safetensors", StringComparison.Ordinal);

    private static string Missing(string folder, string usual, string[] names)
    {
        if (names.FirstOrDefault(n => System.IO.Path.GetExtension(n) is ".bin" or ".ckpt" or ".pt" or ".pth") is { } pickle)
            return $"the file does not exist, only {pickle}: {ForeignContent.DescribeFile(System.IO.Path.Combine(folder, pickle)) ?? $"it is no safetensors file. {ForeignContent.SaveSafely}"}";
        return names.FirstOrDefault(n => n.Contains("-of-", StringComparison.Ordinal) && n.EndsWith(".safetensors", StringComparison.Ordinal)) is { } part
            ? $"the file does not exist, and {part} is one of several whose index, {usual}.index.json, is missing, too. Download it: hf download OWNER/MODEL --local-dir FOLDER."
            : "the file does not exist. Download the model again: hf download OWNER/MODEL --local-dir FOLDER.";
    }

    /// <summary>Which tensors each file has, as an index says: {"weight_map": {"tensor": "file"}}.</summary>
    /// <param name="folder">Where the files lie.</param>
    /// <param name="configuration">The index.</param>
    /// <exception cref="ModelImportException">It is none, or a file is missing.</exception>
    internal static Dictionary<string, string[]?> Shards(string folder, ConfigurationReader configuration)
    {
        string index = configuration.File;
        using JsonDocument json = JsonDocument.Parse(configuration.Json);
        if (!json.RootElement.TryGetProperty("weight_map", out JsonElement map) || map.ValueKind != JsonValueKind.Object || !map.EnumerateObject().Any()
            || map.EnumerateObject().Any(p => p.Value.ValueKind != JsonValueKind.String))
            throw new ModelImportException(index, "weight_map", "an object is expected that gives each tensor its file. Download the model again.");
        if (map.EnumerateObject().GroupBy(p => p.Name, StringComparer.Ordinal).FirstOrDefault(g => g.Skip(1).Any()) is { } twice)
            throw new ModelImportException(index, "weight_map", $"gives {Names.Quote(twice.Key)} two files. Download the model again.");
        var files = map.EnumerateObject().GroupBy(p => p.Value.GetString()!, p => p.Name, StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal).ToArray();
        if (files.FirstOrDefault(f => !Names.IsFileName(f.Key)) is { } path)
            throw new ModelImportException(index, "weight_map", $"{Names.Quote(path.Key)} is not the name of a file in the same folder. Download the model again.");
        if (files.Length > MaximumShards) throw new ModelImportException(index, "weight_map", $"names {files.Length} files; at most {MaximumShards} are read. Save the model in larger ones.");
        string[] missing = [.. files.Select(f => f.Key).Where(f => !System.IO.Path.Exists(System.IO.Path.Combine(folder, f)))];
        if (missing.Length > 0)
            throw new ModelImportException(index, null, $"{missing.Length} of the {files.Length} files that it lists are missing: {string.Join(", ", missing)}. Download them: hf download OWNER/MODEL --local-dir FOLDER.");
        return files.ToDictionary(f => System.IO.Path.Combine(folder, f.Key), f => (string[]?)[.. f], StringComparer.Ordinal);
    }

    private void Read(Dictionary<string, string[]?> files, List<string> notes)
    {
        var stored = new Dictionary<string, (SafetensorsFile File, long[] Shape)>(StringComparer.Ordinal);
        foreach (var (path, expected) in files)
        {
            SafetensorsFile file = Open(path);
            _files.Add(file);
            if (expected is not null && !file.Entries.Keys.ToHashSet(StringComparer.Ordinal).SetEquals(expected))
                throw new ModelImportException(path, null, $"holds other tensors than {System.IO.Path.GetFileName(Path)} says. They do not belong together; download both again.");
            foreach (var (name, entry) in file.Entries)
                stored.Add(name, (file, entry.Shape));
        }

        string prefix = CommonPrefix(stored.Keys);
        if (prefix.Length > 0) notes.Add($"The names of all tensors begin with {Names.Quote(prefix)}, which is left off.");
        foreach (var (name, (file, shape)) in stored) _stored.Add(name[prefix.Length..], (file, new(name, shape)));
        Tensors = Stored();
    }

    private static SafetensorsFile Open(string path)
    {
        try
        {
            return SafetensorsFile.Open(path);
        }
        catch (SafetensorsException e)
        {
            throw new ModelImportException(path, e.Tensor, ForeignContent.DescribeFile(path) ?? $"{e.Cause}. Download or export the model again.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelImportException(path, null, $"cannot be read: {e.Message}", e);
        }
    }

    private static int Precision(DType type) => type switch { DType.BF16 => 0, DType.F16 => 1, DType.F32 => 2, _ => 3 };

    // Wrappers of a network (torch.compile's _orig_mod, DataParallel's module, a pipeline's model.diffusion_model) put their name before all of its tensors'.
    private static string CommonPrefix(IReadOnlyCollection<string> names)
    {
        if (names.Count < 2) return "";
        string least = names.Min(StringComparer.Ordinal)!, most = names.Max(StringComparer.Ordinal)!;
        string prefix = least[..(least.AsSpan(0, least.AsSpan().CommonPrefixLength(most)).LastIndexOf('.') + 1)];
        // A text encoder's own names all begin with one module.
        const string own = "text_model.";
        return prefix.EndsWith(own, StringComparison.Ordinal) ? prefix[..^own.Length] : prefix;
    }
}
