using System.Globalization;

namespace Specializer.Manifest;

/// <summary>Reads and validates a calibration manifest (docs/manifest.md). A pure function of the text that never throws.</summary>
/// <remarks>Three passes, each only when the one before found nothing, so that one mistake gives one message:
/// JSON, then every value by itself, then what the values say together.</remarks>
internal static class ManifestReader
{
    /// <summary>For callers that see the file's encoding, which a text no longer shows.</summary>
    public static ManifestError WrongEncoding { get; } = new(ManifestErrorId.Encoding, EncodingMessage, 1, 1, 1, 1);

    private const string EncodingMessage = "The manifest must be UTF-8 without byte order mark, as JSON files are. Save it so, or restore it.";

    public static ManifestResult Read(string text)
    {
        try
        {
            var log = new ErrorLog(new LineMap(text));
            CalibrationManifest? manifest = Read(text, log);
            return log.Any ? new(null, log.Errors) : new(manifest, default);
        }
        catch (Exception e)
        {
            // A compiler in whose process this runs must not lose all generated types to one unforeseen case.
            return new(null, new([new(ManifestErrorId.Internal, $"The reader failed: {e.GetType().Name}. Please report this manifest.", 1, 1, 1, 1)]));
        }
    }

    private static CalibrationManifest? Read(string text, ErrorLog log)
    {
        int damaged = text.IndexOf('\uFFFD');
        if (damaged >= 0 || (text.Length > 0 && text[0] == '\uFEFF'))
        {
            int at = Math.Max(damaged, 0);
            log.Add(ManifestErrorId.Encoding, EncodingMessage, at, at + 1);
            return null;
        }

        if (!JsonReader.Parse(text, out JsonNode? root, out JsonError? error))
        {
            log.Add(ManifestErrorId.Syntax, error!.Message, error.Start, error.End);
            return null;
        }

        if (root!["schemaVersion"] is null && root.Members.FirstOrDefault(m => m.Name is "_class_name" or "_diffusers_version") is { } foreign)
        {
            log.Add(ManifestErrorId.SchemaVersion,
                "This is the configuration of a model, not a calibration manifest. Run `specializer calibrate` on the model's folder, and name the .calibration.json that it writes.", foreign.Start, foreign.End);
            return null;
        }

        if (root["schemaVersion"] is { Kind: JsonKind.Number } version && version.Text != CalibrationManifest.CurrentSchemaVersion.ToString(CultureInfo.InvariantCulture))
        {
            log.Add(ManifestErrorId.SchemaVersion,
                $"This manifest has schema version {version.Text}; these tools read version {CalibrationManifest.CurrentSchemaVersion}. Use the tools' version that wrote it, or calibrate again.", version);
            return null;
        }

        CalibrationManifest manifest = ManifestBinder.Bind(root, log);
        if (log.Any) return null;
        PipelineValidator.Validate(manifest, root, log);
        if (log.Any) return null;
        SamplingValidator.Validate(manifest, root, log);
        return manifest;
    }
}
