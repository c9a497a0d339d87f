using System.Text;
using Specializer.Formats;

namespace Specializer.Calibration.Conversion;

/// <summary>Writes a folder in diffusers' layout, whole or not at all. Weights are written tensor by tensor.</summary>
internal sealed class PipelineFolderWriter
{
    private readonly List<(string File, long Bytes, Action<string> Write)> _files = [];

    /// <summary>Bytes of all files, headers of the weights left out.</summary>
    public long Bytes => _files.Sum(f => f.Bytes);

    /// <param name="file">Path within the folder, with '/'.</param>
    /// <param name="text">Its content.</param>
    public void AddText(string file, string text) => _files.Add((file, text.Length, path => AtomicFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)))));

    /// <param name="file">Path within the folder, with '/'.</param>
    /// <param name="tensors">What the safetensors file holds.</param>
    public void AddWeights(string file, IEnumerable<StreamedTensor> tensors)
    {
        var writer = new SafetensorsWriter();
        writer.AddMetadata("format", "pt");
        long bytes = 0;
        foreach (StreamedTensor tensor in tensors)
        {
            writer.Add(tensor.Name, tensor.Type, tensor.Shape, tensor.Write);
            bytes += tensor.Bytes;
        }

        _files.Add((file, bytes, writer.Write));
    }

    /// <summary>Writes all files.</summary>
    /// <param name="folder">Must not exist, or be empty.</param>
    /// <param name="progress">Told before each file: bytes written so far, of all, and the file.</param>
    /// <param name="cancellation">Acts between files.</param>
    /// <exception cref="IOException">The folder is not empty, its disk has not enough room (said before the work), or a file cannot be written.</exception>
    public void Write(string folder, IProgress<CalibrationProgress>? progress = null, CancellationToken cancellation = default)
    {
        string target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (File.Exists(target)) throw new IOException($"{folder}: is a file. Name a folder to write.");
        if (Directory.Exists(target) && !Disk.IsEmpty(target)) throw new IOException($"{folder}: is not empty. Name another folder, or empty it.");
        string parent = Path.GetDirectoryName(target) ?? throw new IOException($"{folder}: is the root of a disk. Name a folder in it.");
        Disk.CreateFolder(parent);
        DiskRoom.Require(folder, parent, Bytes);
        AtomicFolder.Write(target, temporary =>
        {
            long done = 0;
            foreach (var (file, bytes, write) in _files)
            {
                cancellation.ThrowIfCancellationRequested();
                progress?.Report(new(file, done, Math.Max(1, Bytes)));
                string path = Path.Combine(temporary, file.Replace('/', Path.DirectorySeparatorChar));
                Disk.CreateFolder(Path.GetDirectoryName(path)!);
                write(path);
                done += bytes;
            }
        });
    }
}
