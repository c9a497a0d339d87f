using System.CommandLine;
using Specializer.Benchmarks.Models;
using Specializer.Calibration;

namespace Specializer.Benchmarks.Commands;

/// <summary>Options that choose networks: those that the repository has, or one of any folder.</summary>
internal sealed class NetworkOptions
{
    private readonly Option<string[]> _model = new("--model") { Description = $"Which networks: {string.Join(", ", BenchmarkModel.Names)}. All by default.", DefaultValueFactory = _ => BenchmarkModel.Names, AllowMultipleArgumentsPerToken = true };
    private readonly Option<DirectoryInfo> _folder = new Option<DirectoryInfo>("--folder") { Description = "A model's folder in diffusers' layout instead of these, such as 'specializer synthesize' writes." }.AcceptExistingOnly();
    private readonly Option<int> _tokens = new("--tokens") { Description = "Tokens of that model's condition.", DefaultValueFactory = _ => DiffusersImporter.DefaultTokens };
    private readonly Option<PipelinePart?> _part = new("--part") { Description = "What that folder holds if it is no network with timesteps: Decoder, Encoder or TextEncoder." };
    private readonly Option<int> _size = new("--size") { Description = "Rows and columns of what goes into such a part; a text encoder takes --tokens.", DefaultValueFactory = _ => 64 };

    public void AddTo(Command command)
    {
        _model.AcceptOnlyFromAmong(BenchmarkModel.Names);
        foreach (Option option in (Option[])[_tokens, _size]) option.RequirePositive();
        foreach (Option option in (Option[])[_model, _folder, _tokens, _part, _size]) command.Add(option);
    }

    /// <summary>What was chosen, each loaded when its turn comes.</summary>
    public IEnumerable<BenchmarkModel> Networks(ParseResult options)
    {
        if (Folder(options) is not var (folder, part, size)) return options.GetValue(_model)!.Select(BenchmarkModel.Load);
        return [part is { } chosen ? BenchmarkModel.FromPart(folder, chosen, size) : BenchmarkModel.FromFolder(folder, size)];
    }

    /// <summary>The folder that was chosen, if one was: with the part that it holds, null for a network with timesteps, and the size of what goes in, tokens of a text encoder or of a network's condition.</summary>
    public (DirectoryInfo Folder, PipelinePart? Part, int Size)? Folder(ParseResult options)
    {
        PipelinePart? part = options.GetValue(_part);
        return options.GetValue(_folder) is { } folder ? (folder, part, options.GetValue(part is null or PipelinePart.TextEncoder ? _tokens : _size)) : null;
    }

    /// <summary>The arguments that choose one of them, for another process.</summary>
    public IEnumerable<string> Arguments(ParseResult options, BenchmarkModel network)
    {
        if (options.GetValue(_folder) is not { } folder) return [_model.Name, network.Name];
        string[] part = options.GetValue(_part) is { } chosen ? [_part.Name, $"{chosen}"] : [];
        return [_folder.Name, folder.FullName, _tokens.Name, $"{options.GetValue(_tokens)}", _size.Name, $"{options.GetValue(_size)}", .. part];
    }
}
