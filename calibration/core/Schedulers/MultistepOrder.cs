namespace Specializer.Calibration;

/// <summary>Of which order each step of a multistep solver is: it rises from 1 as predictions come in, and sinks again at the end of a short run.</summary>
/// <param name="Order">The highest.</param>
/// <param name="Steps">Steps of the run.</param>
/// <param name="LowerAtEnd">Whether a short run ends with lower orders.</param>
/// <param name="FirstAtEnd">Whether any run ends with the first order.</param>
/// <param name="Start">The step at which the run begins.</param>
internal sealed record MultistepOrder(int Order, int Steps, bool LowerAtEnd, bool FirstAtEnd, int Start)
{
    /// <summary>Runs of fewer steps are short.</summary>
    private const int Few = 15;

    public int At(int step)
    {
        bool lower = LowerAtEnd && Steps < Few;
        if (step == Steps - 1 && (FirstAtEnd || lower)) return 1;
        return Math.Min(Math.Clamp(step + 1 - Start, 1, Order), step == Steps - 2 && lower ? 2 : Order);
    }

    /// <summary>Reads <c>solver_order</c> and <c>lower_order_final</c>.</summary>
    public static MultistepOrder Read(ConfigurationReader configuration, int steps, bool firstAtEnd, int start) =>
        new(configuration.Integer("solver_order", 2, 1, 3), steps, configuration.Flag("lower_order_final", true), firstAtEnd, start);
}
