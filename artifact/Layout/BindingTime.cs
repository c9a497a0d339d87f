namespace Specializer.Manifest;

/// <summary>When an operation runs: it follows from what it reads, and is written nowhere. What depends on the timestep alone is computed at calibration: the embedding's tables.</summary>
internal enum BindingTime
{
    /// <summary>Once a call: it depends on the call's inputs alone.</summary>
    Call,
    /// <summary>Once a call that gives pictures: it belongs to their encoder.</summary>
    Image,
    /// <summary>At every step: it depends on the state or the timestep.</summary>
    Step,
    /// <summary>When the steps are done: it belongs to the decoder.</summary>
    End,
}
