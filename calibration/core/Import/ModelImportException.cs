namespace Specializer.Calibration;

/// <summary>A model folder cannot be read. The message says which file and key, what is wrong and how to fix it.</summary>
public class ModelImportException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="file">File, or folder, that is at fault.</param>
    /// <param name="key">Property or tensor in it; null when the file as a whole is meant.</param>
    /// <param name="problem">What is wrong and how to fix it.</param>
    /// <param name="inner">Cause.</param>
    public ModelImportException(string file, string? key, string problem, Exception? inner = null)
        : base(key is null ? $"{file}: {problem}" : $"{file}: '{key}': {problem}", inner)
    {
        File = file;
        Key = key;
    }

    /// <summary>File, or folder, that is at fault.</summary>
    public string File { get; }

    /// <summary>Property or tensor in it; null when the file as a whole is meant.</summary>
    public string? Key { get; }
}

/// <summary>A model folder is sound but asks for something that this version does not compute.</summary>
public sealed class UnsupportedModelException : ModelImportException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="file">File that asks for it.</param>
    /// <param name="key">Property in it.</param>
    /// <param name="value">Its value, as JSON.</param>
    /// <param name="supported">What is supported instead.</param>
    public UnsupportedModelException(string file, string key, string value, string supported)
        : base(file, key, $"the value {value} is not supported. {supported}")
    {
        Value = value;
    }

    /// <summary>The value that is not supported, as JSON.</summary>
    public string Value { get; }
}
