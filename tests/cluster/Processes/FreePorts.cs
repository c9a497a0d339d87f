using System.Net;
using System.Net.Sockets;

namespace Specializer.Cluster.Tests;

/// <summary>Ports of the loopback address that nobody listens on.</summary>
internal static class FreePorts
{
    /// <summary>Ports that follow each other, below those that the system gives away to whoever asks: between this call and a silo's start nobody else is likely to take them.</summary>
    public static int[] Take(int count)
    {
        const int First = 10_000, End = 32_000;
        while (true)
        {
            int[] ports = [.. Enumerable.Range(Random.Shared.Next(First, End - count), count)];
            var listeners = new List<TcpListener>();
            try
            {
                foreach (int port in ports)
                {
                    var listener = new TcpListener(IPAddress.Loopback, port);
                    listeners.Add(listener);
                    listener.Start();
                }

                return ports;
            }
            catch (SocketException)
            {
                // One is taken: others are tried.
            }
            finally
            {
                foreach (TcpListener listener in listeners) listener.Stop();
            }
        }
    }

    /// <summary>Whether nobody listens on each.</summary>
    public static IEnumerable<bool> AreFree(params int[] ports) => [.. ports.Select(port => Array.TrueForAll(System.Net.NetworkInformation.IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners(), l => l.Port != port))];
}
