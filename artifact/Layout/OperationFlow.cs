namespace Specializer.Manifest;

/// <summary>Which maps an operation reads and writes.</summary>
internal static class OperationFlow
{
    public static IEnumerable<string> Inputs(this Operation operation)
    {
        switch (operation)
        {
            case QuantizeOperation o:
                yield return o.Input;
                break;
            case GroupNormOperation o:
                yield return o.Input;
                if (o.Skip is not null) yield return o.Skip;
                break;
            case ConvolutionOperation o:
                yield return o.Input;
                if (o.Residual is not null) yield return o.Residual;
                break;
            case AttentionOperation o:
                yield return o.Input;
                break;
        }
    }

    public static IEnumerable<string> Outputs(this Operation operation)
    {
        switch (operation)
        {
            case QuantizeOperation o:
                yield return o.Output;
                break;
            case GroupNormOperation o:
                yield return o.Output;
                if (o.SkipOutput is not null) yield return o.SkipOutput;
                break;
            case ConvolutionOperation o:
                yield return o.Output;
                break;
            case AttentionOperation o:
                yield return o.Output;
                break;
        }
    }
}
