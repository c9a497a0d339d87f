namespace Specializer.Manifest;

/// <summary>The kinds of operation by their names in JSON, and what reads them: found in the records themselves, so that a new one is known by being there.</summary>
internal static class OperationKinds
{
    private static readonly Dictionary<string, Func<ObjectBinder, Operation>> s_readers = typeof(Operation).Assembly.GetTypes().Where(t => !t.IsAbstract && t.IsSubclassOf(typeof(Operation))).ToDictionary(
        kind => (string)kind.GetField(nameof(QuantizeOperation.JsonName))!.GetRawConstantValue()!,
        kind => (Func<ObjectBinder, Operation>)Delegate.CreateDelegate(typeof(Func<ObjectBinder, Operation>), kind.GetMethod(nameof(QuantizeOperation.Read))!));

    /// <summary>All names.</summary>
    public static string[] Names { get; } = [.. s_readers.Keys.OrderBy(name => name, StringComparer.Ordinal)];

    /// <summary>Reads the properties after <c>op</c>.</summary>
    public static Operation Read(string name, ObjectBinder o) => s_readers[name](o);
}
