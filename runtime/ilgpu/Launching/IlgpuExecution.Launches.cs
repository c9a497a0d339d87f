using System.Reflection;

namespace Specializer.Ilgpu;

internal sealed partial class IlgpuExecution
{
    /// <summary>Launches the kernel that is made for the shape's type, or the one that takes any shape.</summary>
    private void Launch<TShape, TArguments>(Action<TArguments> literal, Action<TArguments> dynamic, long items, in TArguments arguments)
        where TShape : struct
        where TArguments : struct =>
        Launch(IsLiteral<TShape>() ? literal : dynamic, items, arguments);

    private void Launch<TArguments>(Action<TArguments> kernel, long items, in TArguments arguments)
        where TArguments : struct => _launching.Launch(kernel, _device.Kernels.Items(items), arguments);

    private void LaunchGroups<TArguments>(Action<TArguments> kernel, long groups, int threads, in TArguments arguments)
        where TArguments : struct => _launching.Launch(kernel, new(groups, threads), arguments);

    private void LaunchParts<TShape, TArguments>(Action<TArguments> literal, Action<TArguments> dynamic, long parts, long items, in TArguments arguments)
        where TShape : struct
        where TArguments : struct =>
        LaunchParts(IsLiteral<TShape>() ? literal : dynamic, parts, items, arguments);

    private void LaunchParts<TArguments>(Action<TArguments> kernel, long parts, long items, in TArguments arguments)
        where TArguments : struct => _launching.Launch(kernel, _device.Kernels.Parts(parts, items), arguments);

    /// <summary>Of a launch that differs from run to run; nothing may wait before it.</summary>
    private void LaunchAtOnce<TArguments>(Action<TArguments> kernel, long items, in TArguments arguments)
        where TArguments : struct => _launching.LaunchAtOnce(kernel, _device.Kernels.Items(items), arguments);

    /// <summary>Everything up to here repeats from run to run: what follows depends on the run's seed.</summary>
    internal void EndStep(int step) => _launching.EndStep(step, Batch);

    private bool IsLiteral<TShape>() where TShape : struct => _device.TakesLiteralShapes && ShapeType<TShape>.IsLiteral;

    /// <summary>A shape type without fields is a compile-time constant.</summary>
    private static class ShapeType<TShape>
    {
        public static readonly bool IsLiteral = typeof(TShape).GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).Length == 0;
    }
}
