using System.Globalization;
using System.Reflection;

namespace Specializer.Tests;

/// <summary>All exceptions of ours, made with a text that would steer a terminal, reorder what stands around it, be no UTF-8, and flood a screen.</summary>
internal static class OwnExceptions
{
    private const int LongestMessage = 10_000;

    private static readonly string s_hostile = $"\u001B[2J\u202E\uD800\n{new string('x', 20 << 20)}\uDC00\u2066\u001B]0;";

    /// <summary>Constructors that let such a text into the message.</summary>
    /// <param name="tried">Types that were looked at, of all assemblies of ours beside this test's.</param>
    public static string[] ThatShowAnything(out Type[] tried)
    {
        tried = [.. Directory.GetFiles(AppContext.BaseDirectory, "*.dll").Where(IsOurs).Select(file => Assembly.Load(AssemblyName.GetAssemblyName(file)))
            .SelectMany(TypesOf).Where(t => t.IsSubclassOf(typeof(Exception)) && !t.IsAbstract)];
        return [.. tried.SelectMany(t => t.GetConstructors(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
            .Where(c => (c.IsPublic || c.IsAssembly) && !IsHarmless(((Exception)Make(c)).Message)).Select(c => $"{c.DeclaringType}: {c}")];
    }

    private static IEnumerable<Type> TypesOf(Assembly assembly)
    {
        try
        {
            return assembly.GetTypes();
        }
        catch (ReflectionTypeLoadException e)
        {
            // The generator's needs the compiler, which is not beside every test.
            return e.Types.OfType<Type>();
        }
    }

    private static bool IsOurs(string file) =>
        Path.GetFileName(file).StartsWith("specializer", StringComparison.OrdinalIgnoreCase) && !file.EndsWith(".Tests.dll", StringComparison.Ordinal);

    private static object Make(ConstructorInfo constructor) => constructor.Invoke([.. constructor.GetParameters().Select(p => Make(p.ParameterType))]);

    private static object? Make(Type type)
    {
        if (type == typeof(string)) return s_hostile;
        if (type == typeof(Exception)) return new IOException(s_hostile);
        if (type.IsValueType) return Activator.CreateInstance(type);
        if (!type.IsInterface) return Make(type.GetConstructors().MaxBy(c => c.GetParameters().Length)!);
        var list = Array.CreateInstance(type.GetGenericArguments().Single(), 1);
        list.SetValue(Make(list.GetType().GetElementType()!), 0);
        return list;
    }

    // Lines may end: some messages have several.
    private static bool IsHarmless(string message) => message.Length <= LongestMessage && !message.Where((c, i) => c is not ('\r' or '\n') && CharUnicodeInfo.GetUnicodeCategory(message, i) is
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        || (char.IsSurrogate(c) && !char.IsSurrogatePair(message, i) && (i == 0 || !char.IsSurrogatePair(message, i - 1)))).Any();
}
