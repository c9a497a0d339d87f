namespace Specializer.Packing;

/// <summary>Where symbolic links lead.</summary>
internal static class SymbolicLink
{
    /// <summary>The file at the end of all links; null where the path is no link. Hard links look like any file.</summary>
    /// <exception cref="IOException">The link leads nowhere, or to itself.</exception>
    public static string? Target(string path)
    {
#if NETSTANDARD2_0
        // Not part of .NET Standard, and .NET Framework, where this finds none, has nothing like it; the SDK's MSBuild runs on a .NET that has.
        var resolve = typeof(FileSystemInfo).GetMember("ResolveLinkTarget").Cast<System.Reflection.MethodInfo>();
        try
        {
            return resolve.Select(method => (FileSystemInfo?)method.Invoke(new FileInfo(path), [true])).FirstOrDefault()?.FullName;
        }
        catch (System.Reflection.TargetInvocationException e)
        {
            throw new IOException(e.InnerException!.Message, e.InnerException);
        }
#else
        return new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true)?.FullName;
#endif
    }
}
