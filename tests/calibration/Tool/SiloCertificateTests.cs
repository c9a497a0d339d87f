using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Specializer.Tests;
using Specializer.Tool;

namespace Specializer.Calibration.Tests;

/// <summary>The certificate that the environment names is read like every file: nobody waits at a pipe, and what is none is named.</summary>
public sealed class SiloCertificateTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(SiloCommand.CertificateVariable, null);
        _folder.Dispose();
    }

    [Fact]
    public void What_is_no_certificate_is_named()
    {
        Assert.Null(SiloCommand.Certificate());
        string file = Name("text.pfx");
        File.WriteAllText(file, "no certificate");
        IOException error = Assert.Throws<IOException>(SiloCommand.Certificate);
        Assert.Contains($"'{file}' holds no certificate", error.Message, StringComparison.Ordinal);
        Assert.Contains("PKCS #12", error.Message, StringComparison.Ordinal);
        Name("none.pfx");
        Assert.Throws<FileNotFoundException>(SiloCommand.Certificate);
        if (OperatingSystem.IsWindows()) return;
        using (Process make = Process.Start("mkfifo", Name("pipe"))) make.WaitForExit();
        Assert.Contains("is a pipe", Assert.Throws<IOException>(SiloCommand.Certificate).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_certificate_comes_with_its_key()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 made = new CertificateRequest("CN=cluster", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(1));
        File.WriteAllBytes(Name("cluster.pfx"), made.Export(X509ContentType.Pfx));
        using X509Certificate2 read = SiloCommand.Certificate()!;
        Assert.Equal((made.Thumbprint, true), (read.Thumbprint, read.HasPrivateKey));
    }

    private string Name(string file)
    {
        string path = _folder.File(file);
        Environment.SetEnvironmentVariable(SiloCommand.CertificateVariable, path);
        return path;
    }
}
