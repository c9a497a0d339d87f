using System.Diagnostics;

namespace Specializer.Extensions.AI;

/// <summary>Turns the steps of a drawing into activities.</summary>
/// <param name="drawing">The drawing's activity.</param>
internal sealed class StepTrace(ActivityContext drawing) : IProgress<SampleProgress>
{
    private DateTimeOffset _begun = DateTimeOffset.UtcNow;

    public void Report(SampleProgress value)
    {
        DateTimeOffset ended = DateTimeOffset.UtcNow;
        using (Activity? step = Telemetry.Activities.StartActivity("specializer.step", ActivityKind.Internal, drawing, startTime: _begun))
            step?.SetTag("specializer.step", value.Step).SetTag("specializer.steps", value.Steps).SetEndTime(ended.UtcDateTime);
        _begun = ended;
    }
}
