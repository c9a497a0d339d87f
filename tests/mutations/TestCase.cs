using System.Reflection;
using System.Text.RegularExpressions;
using Xunit.Sdk;

namespace Specializer.Mutations;

/// <summary>One test of xUnit, with one row of its data.</summary>
internal sealed class TestCase(string name, MethodInfo method, object?[] arguments)
{
    public string Name => name;

    /// <summary>Processor time that it takes without a mutation.</summary>
    public TimeSpan Time { get; set; }

    /// <summary>The tests of an assembly but those of the trait Duration, Long, by name.</summary>
    /// <param name="assembly">Holds them.</param>
    /// <param name="wanted">Matches <c>Type.Method</c>.</param>
    /// <param name="unwanted">Matches those of them that are left out.</param>
    public static List<TestCase> Of(Assembly assembly, Regex wanted, Regex unwanted) =>
    [
        .. from type in assembly.GetTypes()
           where type is { IsClass: true, IsAbstract: false, IsPublic: true }
           from method in type.GetMethods()
           let name = $"{type.Name}.{method.Name}"
           where method.GetCustomAttribute<FactAttribute>() is { Skip: null } && wanted.IsMatch(name) && !unwanted.IsMatch(name)
           where !type.CustomAttributes.Concat(method.CustomAttributes).Any(a => a.AttributeType == typeof(TraitAttribute) && (string?)a.ConstructorArguments[1].Value == "Long")
           orderby name
           from test in method.GetCustomAttribute<TheoryAttribute>() is null
               ? [new(name, method, [])]
               : method.GetCustomAttributes<DataAttribute>().SelectMany(d => d.GetData(method)).Select((row, i) => new TestCase($"{name}[{i}]", method, row ?? [null]))
           select test,
    ];

    /// <summary>Runs it to its end.</summary>
    /// <returns>What it fails with; null where it passes.</returns>
    public Exception? Run()
    {
        object? fixture = null;
        try
        {
            if (!method.IsStatic) fixture = Activator.CreateInstance(method.ReflectedType!);
            ParameterInfo[] parameters = method.GetParameters();
            if (method.Invoke(fixture, [.. parameters.Select((p, i) => i < arguments.Length ? As(arguments[i], p.ParameterType) : p.DefaultValue)]) is Task task) task.GetAwaiter().GetResult();
            return null;
        }
        catch (Exception e)
        {
            return e is TargetInvocationException { InnerException: { } inner } ? inner : e;
        }
        finally
        {
            (fixture as IDisposable)?.Dispose();
        }
    }

    private static object? As(object? value, Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        return value is IConvertible && type.IsPrimitive && !type.IsInstanceOfType(value) ? Convert.ChangeType(value, type, null) : value;
    }
}
