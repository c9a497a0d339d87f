using Specializer.Manifest;

namespace Specializer.Ilgpu;

/// <summary>Something about a GPU that the program can react to.</summary>
public abstract class DeviceException : Exception
{
    private protected DeviceException(string message, Exception? inner = null)
        : base(MessageText.HarmlessLines(message), inner)
    {
    }
}

/// <summary>The asked-for device is not there.</summary>
public sealed class DeviceNotFoundException : DeviceException
{
    internal DeviceNotFoundException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}

/// <summary>The device lacks something that the kernels need.</summary>
public sealed class DeviceCapabilityException : DeviceException
{
    internal DeviceCapabilityException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}

/// <summary>The device has too little memory. Nothing was allocated.</summary>
public sealed class DeviceMemoryException : DeviceException
{
    internal DeviceMemoryException(string device, string purpose, long needed, long available, Exception? inner = null)
        : base($"{purpose} needs {Megabytes(needed)} on {device}, which has {Megabytes(available)} free{(inner == null ? "" : $" but gives no such buffer: {inner.Message.TrimEnd('.')}")}. Use a session with a smaller capacity, or a device with more memory.", inner)
    {
        NeededBytes = needed;
        AvailableBytes = available;
    }

    /// <summary>Bytes that were asked for.</summary>
    public long NeededBytes { get; }

    /// <summary>Bytes that were free.</summary>
    public long AvailableBytes { get; }

    private static string Megabytes(long bytes) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{bytes / 1048576.0:F1} MiB");
}

/// <summary>The device failed or disappeared while it worked. Its sessions are lost; dispose of the device and open it again.</summary>
public sealed class DeviceLostException : DeviceException
{
    internal DeviceLostException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
