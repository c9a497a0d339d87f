namespace Specializer;

/// <summary>Shape of a sampler's state, where no generated code states it.</summary>
internal readonly struct StateShape(SamplerDescription description) : IMapShape
{
    public int Height => description.State?.Height ?? description.Height;

    public int Width => description.State?.Width ?? description.Width;

    public int Channels => description.State?.Channels ?? description.Channels;

    public int ElementSize => sizeof(float);
}
