using System.IO.Compression;
using System.Text;
using System.Xml.Linq;

namespace Specializer.Packages.Tests;

/// <summary>What lies in the packages that <c>dotnet pack</c> of the solution makes.</summary>
[Trait("Duration", "Long")]
[Collection(nameof(PackedSolution))]
public sealed class PackageTests(PackedSolution packed)
{
    private const long CoreLimit = 1_000_000;

    private IEnumerable<string> Packages => Directory.GetFiles(packed.Feeds[0], "*.nupkg");

    [Fact]
    public void One_command_packs_what_is_for_others_and_nothing_else()
    {
        string[] ids = [.. Packages.Select(p => Nuspec(p, "id").Value)];
        foreach (string expected in new[] { "Specializer", "Specializer.Runtime", "Specializer.Tool", "Specializer.Calibration", "Specializer.Calibration.TorchSharp", "Specializer.Ilgpu", "Specializer.Reporting", "Specializer.Extensions.AI", "Specializer.Text", "Specializer.Templates" })
            Assert.Contains(expected, ids);
        Assert.DoesNotContain(ids, id => id.Contains("Test", StringComparison.Ordinal) || id.Contains("Benchmark", StringComparison.Ordinal) || id.Contains("Sample", StringComparison.Ordinal));
    }

    [Fact]
    public void Two_folders_give_the_same_bytes()
    {
        string[] names = [.. Directory.GetFiles(packed.Feeds[0]).Select(f => Path.GetFileName(f))];
        Assert.Equal(names.Order(StringComparer.Ordinal), Directory.GetFiles(packed.Feeds[1]).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        Assert.Empty(names.Where(name => !Bytes(0, name).AsSpan().SequenceEqual(Bytes(1, name))).SelectMany(name => (string[])[name, .. Differing(name)]));

        byte[] Bytes(int feed, string name) => File.ReadAllBytes(Path.Combine(packed.Feeds[feed], name));

        IEnumerable<string> Differing(string name)
        {
            Dictionary<string, string>[] entries = [.. Enumerable.Range(0, 2).Select(feed =>
            {
                using ZipArchive zip = ZipFile.OpenRead(Path.Combine(packed.Feeds[feed], name));
                return zip.Entries.ToDictionary(e => e.FullName, e => $"{e.Crc32:X8} {e.LastWriteTime:s}");
            })];
            return entries[0].Keys.Union(entries[1].Keys).Where(e => entries[0].GetValueOrDefault(e) != entries[1].GetValueOrDefault(e)).Select(e => $"{name}/{e}");
        }
    }

    [Fact]
    public void No_package_names_the_folder_it_was_built_in()
    {
        byte[][] roots = [Encoding.UTF8.GetBytes(packed.Root), Encoding.Unicode.GetBytes(packed.Root)];
        foreach (string file in Directory.GetFiles(packed.Feeds[0]))
        {
            using ZipArchive zip = ZipFile.OpenRead(file);
            foreach (ZipArchiveEntry entry in zip.Entries)
            {
                byte[] content = Content(entry);
                Assert.DoesNotContain(roots, root => content.AsSpan().IndexOf(root) >= 0);
            }
        }
    }

    [Fact]
    public void Every_package_says_what_it_is_and_under_which_licence()
    {
        foreach (string package in Packages)
        {
            using ZipArchive zip = ZipFile.OpenRead(package);
            string[] entries = [.. zip.Entries.Select(e => e.FullName)];
            foreach (string file in new[] { "README.md", "icon.png", "LICENSE", "NOTICE" }) Assert.Contains(file, entries);
            Assert.Equal("MIT", Nuspec(package, "license").Value);
            Assert.Equal("README.md", Nuspec(package, "readme").Value);
            Assert.Equal("icon.png", Nuspec(package, "icon").Value);
            Assert.NotEmpty(Nuspec(package, "description").Value);
        }
    }

    [Fact]
    public void Libraries_bring_documentation_and_symbols()
    {
        int libraries = 0;
        foreach (string package in Packages)
        {
            using ZipArchive zip = ZipFile.OpenRead(package);
            foreach (ZipArchiveEntry library in zip.Entries.Where(e => e.FullName.StartsWith("lib/", StringComparison.Ordinal) && e.Name.EndsWith(".dll", StringComparison.Ordinal)))
            {
                libraries++;
                Assert.NotNull(zip.GetEntry(Path.ChangeExtension(library.FullName, ".xml")));
                using ZipArchive symbols = ZipFile.OpenRead(Path.ChangeExtension(package, ".snupkg"));
                Assert.NotNull(symbols.GetEntry(Path.ChangeExtension(library.FullName, ".pdb")));
            }
        }

        Assert.True(libraries >= 6);
    }

    [Fact]
    public void The_core_is_small_and_stands_alone()
    {
        string package = Packages.Single(p => Nuspec(p, "id").Value == "Specializer.Runtime");
        Assert.InRange(new FileInfo(package).Length, 1, CoreLimit);
        Assert.DoesNotContain(Nuspec(package, "dependencies").Descendants(), e => e.Name.LocalName == "dependency");
        using ZipArchive zip = ZipFile.OpenRead(package);
        Assert.All(zip.Entries.Where(e => Path.GetExtension(e.Name) is ".dll" or ".so" or ".dylib" or ".a" or ".lib"), e => Assert.StartsWith("lib/net10.0/Specializer.Runtime", e.FullName, StringComparison.Ordinal));
    }

    private static XElement Nuspec(string package, string element)
    {
        using ZipArchive zip = ZipFile.OpenRead(package);
        using Stream stream = zip.Entries.Single(e => e.FullName.EndsWith(".nuspec", StringComparison.Ordinal) && !e.FullName.Contains('/')).Open();
        return XDocument.Load(stream).Descendants().First(e => e.Name.LocalName == element);
    }

    private static byte[] Content(ZipArchiveEntry entry)
    {
        using var content = new MemoryStream();
        using (Stream stream = entry.Open()) stream.CopyTo(content);
        return content.ToArray();
    }
}
