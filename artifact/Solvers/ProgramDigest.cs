using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Specializer.Manifest;

/// <summary>Binds a solver's program to the settings of its scheduler. Only calibration can make the one from the other; everyone else sees by this that neither was changed since.</summary>
internal static class ProgramDigest
{
    /// <summary>SHA-256 over family, settings and program as they stand in the manifest, 64 lower-case hexadecimal digits.</summary>
    public static string Of(CalibrationManifest manifest)
    {
        var json = new JsonText();
        json.Open('{').Key("family").Value(manifest.Scheduler.Family).Key("settings").Open('{');
        foreach (Setting setting in manifest.Scheduler.Settings) json.Key(setting.Name).Value(setting.Value);
        json.Close('}').Key("begin");
        StatementJson.Write(json, manifest.Solver.Begin);
        json.Key("evaluations").Open('[');
        foreach (Step step in manifest.Steps)
        {
            json.Open('{').Key("timestep").Value(step.Timestep).Key("inputScale").Value(step.Evaluation.InputScale).Key("statements");
            StatementJson.Write(json, step.Evaluation.Statements);
            if (step.Evaluation.Start is { } start) StatementJson.Write(json.Key("start"), start);
            json.Close('}');
        }

        StatementJson.Write(json.Close(']').Key("end"), manifest.Solver.End);
        json.Close('}');
        using var sha256 = SHA256.Create();
        return string.Concat(sha256.ComputeHash(Encoding.UTF8.GetBytes(json.ToString())).Select(b => b.ToString("x2", CultureInfo.InvariantCulture)));
    }
}
