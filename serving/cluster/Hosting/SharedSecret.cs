using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Connections;

namespace Specializer.Cluster;

/// <summary>Both ends of a connection prove that they know the cluster's secret, before anything else is read: each answers the other's random number with a code of both numbers.
/// What follows is neither hidden nor signed by it; TLS does that.</summary>
/// <param name="secret">The secret.</param>
internal sealed class SharedSecret(string secret)
{
    private const int Bytes = 32;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly byte[] _key = SHA256.HashData(Encoding.UTF8.GetBytes(secret));

    /// <summary>Adds the exchange to a connection's steps.</summary>
    /// <param name="builder">The connections.</param>
    /// <param name="accepts">Whether this end was called.</param>
    /// <param name="refused">Told why a connection ends.</param>
    public void Require(IConnectionBuilder builder, bool accepts, Action<string>? refused = null) => builder.Use(next => async connection =>
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(connection.ConnectionClosed);
        deadline.CancelAfter(s_patience);
        if (!await Exchange(connection.Transport, accepts, deadline.Token).ConfigureAwait(false))
        {
            const string Reason = "The other end does not know this end's secret.";
            refused?.Invoke(Reason);
            connection.Abort(new ConnectionAbortedException(Reason));
            return;
        }

        await next(connection).ConfigureAwait(false);
    });

    /// <summary>Whether the other end knows the secret.</summary>
    internal async Task<bool> Exchange(IDuplexPipe pipe, bool accepts, CancellationToken cancellation)
    {
        byte[] own = RandomNumberGenerator.GetBytes(Bytes);
        try
        {
            await pipe.Output.WriteAsync(own, cancellation).ConfigureAwait(false);
            byte[] other = await Read(pipe.Input, cancellation).ConfigureAwait(false);
            await pipe.Output.WriteAsync(Code(accepts, own, other), cancellation).ConfigureAwait(false);
            byte[] answer = await Read(pipe.Input, cancellation).ConfigureAwait(false);
            return CryptographicOperations.FixedTimeEquals(Code(!accepts, other, own), answer);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ConnectionAbortedException)
        {
            return false;
        }
    }

    // Which end it is goes in, too: what one end said cannot be said back to it.
    private byte[] Code(bool accepts, byte[] own, byte[] other) => HMACSHA256.HashData(_key, (byte[])[accepts ? (byte)1 : (byte)0, .. own, .. other]);

    private static async Task<byte[]> Read(PipeReader input, CancellationToken cancellation)
    {
        ReadResult read = await input.ReadAtLeastAsync(Bytes, cancellation).ConfigureAwait(false);
        if (read.Buffer.Length < Bytes) throw new IOException("The connection ended.");
        ReadOnlySequence<byte> number = read.Buffer.Slice(0, Bytes);
        byte[] bytes = number.ToArray();
        input.AdvanceTo(number.End);
        return bytes;
    }
}
