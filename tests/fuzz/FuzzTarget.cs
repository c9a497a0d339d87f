namespace Specializer.Fuzz;

/// <summary>A reader of files of unknown origin.</summary>
internal abstract class FuzzTarget : IDisposable
{
    public abstract string Name { get; }

    /// <summary>Sound inputs that mutation starts from, beside those of the corpus.</summary>
    public abstract IEnumerable<byte[]> Seeds { get; }

    /// <summary>Reads an input and checks what can be checked of the result.</summary>
    /// <returns>"accepted", or the message of a documented refusal.</returns>
    /// <exception cref="Exception">Anything is a finding: the input has escaped.</exception>
    public abstract string Read(byte[] input);

    /// <summary>An input made from another one.</summary>
    public virtual byte[] Mutate(byte[] input, Mutator mutator) => mutator.Bytes(input);

    public virtual void Dispose()
    {
    }
}
