namespace Specializer.Tasks;

/// <summary>Every write of this assembly: a reader sees the old file or the whole new one, and builds that run at the same time do not meet.</summary>
internal static class AtomicFile
{
    public static void Write(string path, Action<Stream> write)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        string temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16)) write(stream);
            try
            {
                File.Move(temporary, path);
            }
            catch (IOException) when (File.Exists(path))
            {
                File.Replace(temporary, path, null);
            }
        }
        finally
        {
            File.Delete(temporary);
        }
    }
}
