using Specializer.Packing;

namespace Specializer.Manifest;

/// <summary>One operation of a network. A kind of operation is one record in one file of this folder, which says all that the artefact knows of it: its ports, its JSON,
/// what makes it sound, its tensors, how these are packed, and its cost. Interpreter, emitter and exporters have one file a kind each; they are visitors, so
/// that a kind that one of them lacks does not compile.</summary>
/// <param name="Name">The module path in the source model, e.g. <c>down_blocks.0.resnets.0.conv1</c>; unique; its characters are letters, digits, '_' and '.'.</param>
internal abstract record Operation(string Name)
{
    /// <summary>What JSON calls this kind: see <see cref="OperationKinds"/>.</summary>
    public abstract string Kind { get; }

    /// <summary>The maps read.</summary>
    public abstract IEnumerable<Port> Reads();

    /// <summary>The maps written.</summary>
    public abstract IEnumerable<Port> Writes();

    /// <summary>A map that is read element by element just before the output is written at the same place, so that the planner may give both one memory; or null.</summary>
    public virtual string? Overwritten => null;

    /// <summary>Whether the maps written may be quantized as well as FP32: then convolutions read them without an operation between.</summary>
    public virtual bool QuantizesOutputs => false;

    /// <summary>Whether it adds elements of the embedding's vectors, which every step has its own of.</summary>
    public virtual bool ReadsVectors => false;

    /// <summary>The same operation over maps of other names.</summary>
    /// <param name="name">Its new name.</param>
    /// <param name="map">New name of a map.</param>
    public abstract Operation Rename(string name, Func<string, string> map);

    /// <summary>Writes the properties after <c>op</c> and <c>name</c>.</summary>
    public abstract void Write(JsonText json);

    /// <summary>Reports what does not fit: shapes, element types, limits.</summary>
    public abstract void Check(OperationCheck check);

    /// <summary>Names of the maps read.</summary>
    public IEnumerable<string> Inputs() => Reads().Select(p => p.Map);

    /// <summary>Names of the maps written.</summary>
    public IEnumerable<string> Outputs() => Writes().Select(p => p.Map);

    /// <summary>The tensors of the weights file that belong to this operation, in the order in which they are packed.</summary>
    public virtual IEnumerable<WeightTensor> Tensors(IReadOnlyDictionary<string, Map> maps) => [];

    /// <summary>Bytes of this operation's section of the packed weights; 0 for none.</summary>
    public virtual long PackedBytes(IReadOnlyDictionary<string, Map> maps) => 0;

    /// <summary>The numbers that fix how the section is packed; they are part of the <see cref="WeightKey"/>.</summary>
    public virtual int[] PackedShape(IReadOnlyDictionary<string, Map> maps) => [];

    /// <summary>Writes the section.</summary>
    public virtual void Pack(WeightSections sections, IReadOnlyDictionary<string, Map> maps)
    {
    }

    /// <summary>Quantization slots of its own, beside those of the maps: see <see cref="QuantizationSlots"/>.</summary>
    public virtual int Slots => 0;

    /// <summary>Multiply-accumulates for one image, and the bits of what is multiplied: of the weights, or of both factors where there are none.</summary>
    public virtual OperationCost Cost(IReadOnlyDictionary<string, Map> maps) => default;

    /// <summary>Calls the visitor's method for this kind.</summary>
    public abstract T Accept<T>(IOperationVisitor<T> visitor);
}

/// <summary>A map that an operation reads or writes.</summary>
/// <param name="Property">Name of the property in JSON.</param>
/// <param name="Map">Name of the map.</param>
internal readonly record struct Port(string Property, string Map);

/// <summary>What an operation costs for one image.</summary>
/// <param name="MultiplyAccumulates">Products that are summed.</param>
/// <param name="Bits">4, 8 or 32.</param>
internal readonly record struct OperationCost(long MultiplyAccumulates, int Bits);

/// <summary>Does something for each kind of operation. Each kind's file declares its method.</summary>
/// <typeparam name="T">What comes of it.</typeparam>
internal partial interface IOperationVisitor<out T>;
