using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>A model folder cannot be read. The message says which file and key, what is wrong and how to fix it.</summary>
public class ModelImportException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="file">File, or folder, that is at fault.</param>
    /// <param name="key">Property or tensor in it; null when the file as a whole is meant.</param>
    /// <param name="problem">What is wrong and how to fix it. Keys and problems may quote the file: what could harm a terminal is escaped.</param>
    /// <param name="inner">Cause.</param>
    public ModelImportException(string file, string? key, string problem, Exception? inner = null)
        : this(file, key, inner, key is null ? MessageText.Harmless(problem) : $"'{MessageText.Harmless(key)}': {MessageText.Harmless(problem)}")
    {
    }

    private protected ModelImportException(string file, string? key, Exception? inner, string harmless)
        : base($"{MessageText.Harmless(file)}: {harmless}", inner)
    {
        File = file;
        Key = key;
    }

    /// <summary>Creates the exception for several parts of a pipeline.</summary>
    /// <param name="faults">Two or more.</param>
    internal ModelImportException(IReadOnlyList<ModelImportException> faults)
        : base($"{faults.Count} parts of the pipeline cannot be read:{string.Concat(faults.Select(f => $"{Environment.NewLine}{f.Message}"))}", new AggregateException(faults))
    {
        File = faults[0].File;
        Key = faults[0].Key;
    }

    /// <summary>What is wrong with each part of a pipeline, where that is several; else this.</summary>
    internal IEnumerable<ModelImportException> All => InnerException is AggregateException several ? several.InnerExceptions.Cast<ModelImportException>() : [this];

    /// <summary>File, or folder, that is at fault.</summary>
    public string File { get; }

    /// <summary>Property or tensor in it; null when the file as a whole is meant.</summary>
    public string? Key { get; }
}

/// <summary>One thing that a model folder asks for and this version does not compute.</summary>
/// <param name="Key">Property that asks for it.</param>
/// <param name="Value">Its value, as JSON.</param>
/// <param name="Supported">What is supported instead.</param>
public sealed record UnsupportedSetting(string Key, string Value, string Supported)
{
    /// <summary>Path of the file that asks for it; empty where that is no one file.</summary>
    public string File { get; init; } = "";
}

/// <summary>A model folder is sound but asks for something that this version does not compute.</summary>
public sealed class UnsupportedModelException : ModelImportException
{
    private const int Listed = 100;

    /// <summary>Creates the exception.</summary>
    /// <param name="file">File that asks for it.</param>
    /// <param name="key">Property in it.</param>
    /// <param name="value">Its value, as JSON.</param>
    /// <param name="supported">What is supported instead.</param>
    public UnsupportedModelException(string file, string key, string value, string supported) : this(file, [new(key, value, supported)])
    {
    }

    /// <summary>Creates the exception for all that a file asks for.</summary>
    /// <param name="file">File that asks for it.</param>
    /// <param name="settings">One or more.</param>
    public UnsupportedModelException(string file, IReadOnlyList<UnsupportedSetting> settings) : base(file, settings[0].Key, null, Text(settings)) =>
        Settings = [.. settings.Select(s => s with { File = file })];

    /// <summary>Everything that is not supported, in the order it was found.</summary>
    public IReadOnlyList<UnsupportedSetting> Settings { get; }

    /// <summary>The first value that is not supported, as JSON.</summary>
    public string Value => Settings[0].Value;

    private static string Text(IReadOnlyList<UnsupportedSetting> settings) => settings.Count == 1
        ? Line(settings[0])
        : $"{settings.Count} settings are not supported:{string.Concat(settings.Take(Listed).Select(s => $"{Environment.NewLine}  {Line(s)}"))}";

    private static string Line(UnsupportedSetting s) => $"'{MessageText.Harmless(s.Key)}': the value {MessageText.Harmless(s.Value)} is not supported. {MessageText.Harmless(s.Supported)}";
}
