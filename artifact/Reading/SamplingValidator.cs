namespace Specializer.Manifest;

/// <summary>Checks that sampling and steps fit each other and the network.</summary>
internal static class SamplingValidator
{
    public static void Validate(CalibrationManifest manifest, JsonNode root, ErrorLog log)
    {
        CheckSampling(manifest, root["sampling"]!, log);
        CheckSolver(manifest, root, log);
        int slots = new QuantizationSlots(manifest.Network).Count;
        IReadOnlyList<JsonNode> nodes = root["steps"]!.Items;
        for (int i = 0; i < manifest.Steps.Count; i++)
        {
            Step step = manifest.Steps[i];
            CheckStep(step, slots, manifest, nodes[i], log);
        }

        for (int i = 0; i < manifest.Statistics.Count; i++) CheckStatistics(manifest.Statistics[i], manifest, root["statistics"]!.Items[i], log);
    }

    private static void CheckSampling(CalibrationManifest manifest, JsonNode node, ErrorLog log)
    {
        Sampling sampling = manifest.Sampling;
        if (!(sampling.GuidanceMinimum.Value <= sampling.Guidance.Value && sampling.Guidance.Value <= sampling.GuidanceMaximum.Value))
            log.Add(ManifestErrorId.Contradiction,
                $"The guidance {sampling.Guidance} lies outside the calibrated interval, {sampling.GuidanceMinimum} to {sampling.GuidanceMaximum}.", node["guidance"]!);
        else if (manifest.Model.EmbeddedGuidance is not null && IsGuided(sampling))
            log.Add(ManifestErrorId.Contradiction, "The network is told the scale of guidance ('embeddedGuidance') and evaluates an image once. Set guidance, guidanceMinimum and guidanceMaximum to 1.", node["guidance"]!);
        else if (IsGuided(sampling) && manifest.Model.NullLabel < 0 && LinkedNetwork.Of(manifest).Given.All(input => input == LinkedNetwork.Label))
            log.Add(ManifestErrorId.Contradiction, "Guidance needs a null label, and the model has none, nor another input. Set guidance, guidanceMinimum and guidanceMaximum to 1.", node["guidance"]!);
    }

    private static void CheckSolver(CalibrationManifest manifest, JsonNode root, ErrorLog log)
    {
        SolverProgram program = manifest.Program;
        if ((SolverProgramValidator.FirstFault(program) ?? FirstUnknown(program, manifest.Network.Outputs.Count > 0) ?? SolverProgramValidator.FirstIdle(program)) is not { } fault)
        {
            CheckOrigin(manifest, root["scheduler"]!, log);
            return;
        }

        JsonNode steps = root["steps"]!, solver = root["solver"]!;
        int evaluation = fault.Evaluation ?? 0;
        JsonNode statements = evaluation < 0 ? solver["begin"]! : evaluation < steps.Items.Count ? steps.Items[evaluation]["statements"]! : solver["end"]!;
        log.Add(ManifestErrorId.Solver, fault.Message, fault.Statement is { } statement ? statements.Items[statement] : statements);
    }

    /// <summary>The program follows from the settings, as calibration wrote them; an artefact of an earlier version does not say.</summary>
    private static void CheckOrigin(CalibrationManifest manifest, JsonNode node, ErrorLog log)
    {
        if (node["program"] is { } digest && digest.Text != ProgramDigest.Of(manifest))
            log.Add(ManifestErrorId.Contradiction,
                "The settings of the scheduler and the solver's statements do not belong together: some were changed after the calibration. What was measured holds for the program it was measured with. Take the change back, or calibrate with the settings you want.", digest);
    }

    /// <summary>The first statement that reads what this sampler does not have.</summary>
    private static SolverFault? FirstUnknown(SolverProgram program, bool variance)
    {
        int count = program.Evaluations.Count;
        for (int i = -1; i <= count; i++)
        {
            EquatableArray<Statement> statements = i < 0 ? program.Begin : i < count ? program.Evaluations[i].Statements : program.End;
            for (int s = 0; s < statements.Count; s++)
                if (Unknown(statements[s]) is { } message) return new(i, s, message);
            if (i < 0 || i == count) continue;
            // Of runs that begin here: their statements have no place that a fault could name.
            if ((program.Evaluations[i].Start?.First ?? default).SelectMany(own => own).Select(Unknown).FirstOrDefault(message => message is not null) is { } early)
                return new(i, null, $"A run that begins with a picture at evaluation {i}: {early}");
        }

        return null;

        string? Unknown(Statement statement)
        {
            foreach (Register register in statement.Reads)
            {
                if (register.Kind is RegisterKind.Known or RegisterKind.Mask) return $"The solver reads {register}, which samplers keep for themselves. Calibrate with another scheduler.";
                if (register.Kind == RegisterKind.Variance && !variance) return $"The solver reads {register}, which the network does not predict: it names no 'variance'. Calibrate with another scheduler.";
            }

            return null;
        }
    }

    private static void CheckStep(Step step, int slots, CalibrationManifest manifest, JsonNode node, ErrorLog log)
    {
        int channels = manifest.Model.Channels;
        CheckLength(step.Offset.Count, channels, "one number per channel", "offset");
        CheckLength(step.Scales.Count, slots, "one number per quantized map, and three per attention with 8-bit products", "scales");
        CheckLength(step.ZeroPoints.Count, slots, "one number per quantized map, and three per attention with 8-bit products", "zeroPoints");
        CheckLength(step.Levels.Count, slots, "one number per quantized map, and three per attention with 8-bit products", "levels");
        if (step.ZeroPoints.Count == slots && step.Levels.Count == slots)
        {
            for (int i = 0; i < slots; i++)
                if (step.ZeroPoints[i] > step.Levels[i])
                    log.Add(ManifestErrorId.Range, $"The zero point {step.ZeroPoints[i]} lies above the {step.Levels[i]} levels of this entry.", node["zeroPoints"]!.Items[i]);
        }

        bool guided = IsGuided(manifest.Sampling);
        if (step.Covariance.Count > 0 || guided)
        {
            string why = guided ? ", which guidance needs" : "";
            CheckLength(step.Covariance.Count, 16, "the 4×4 joint moments" + why, "covariance");
            CheckLength(step.Means.Count, 4 * channels, "four numbers per channel" + why, "means");
        }
        else
        {
            CheckLength(step.Means.Count, 0, "none without a covariance", "means");
        }

        if (step.RemovedVariance.Single != 0 && step.Evaluation.Learned is null)
            log.Add(ManifestErrorId.Contradiction, $"'removedVariance' is {step.RemovedVariance}, but there is nothing to take it off: the network does not say the variance of this step's noise. Remove the property.", node["removedVariance"]!);
        else if (step.RemovedVariance.Single != 0 && !manifest.Sampling.VarianceCorrection)
            log.Add(ManifestErrorId.Contradiction, $"'removedVariance' is {step.RemovedVariance}, but 'varianceCorrection' of 'sampling' is false. Set it to true, or remove the property.", node["removedVariance"]!);

        void CheckLength(int actual, int expected, string what, string property)
        {
            if (actual != expected)
                log.Add(ManifestErrorId.Length, $"'{property}' has {actual} elements; it must have {expected}: {what}.", node[property] ?? node);
        }
    }

    private static void CheckStatistics(NoiseStatistics s, CalibrationManifest manifest, JsonNode node, ErrorLog log)
    {
        int steps = manifest.Steps.Count;
        Check(s.Bias, "bias", steps * manifest.Model.Channels);
        Check(s.RSquared, "rSquared", steps);
        Check(s.NoiseVariance, "noiseVariance", steps);
        Check(s.ExcessKurtosis, "excessKurtosis", steps);
        Check(s.Normality, "normality", steps);
        foreach (var (interval, name) in new[] { (s.SnrDb, "snrDb"), (s.K, "k"), (s.FreeRunningSnrDb, "freeRunningSnrDb") })
        {
            Check(interval.Value, name, steps);
            Check(interval.Low, name + "Low", steps);
            Check(interval.High, name + "High", steps);
        }

        void Check(EquatableArray<Number> numbers, string property, int expected)
        {
            if (numbers.Count != expected)
                log.Add(ManifestErrorId.Length, $"'{property}' has {numbers.Count} elements; it must have {expected}, for {steps} steps.", node[property]!);
        }
    }

    private static bool IsGuided(Sampling sampling) => sampling.GuidanceMinimum.Value < 1 || sampling.GuidanceMaximum.Value > 1;
}
