using Specializer.Formats;

namespace Specializer.Calibration;

/// <summary>Reads small files of a model folder.</summary>
internal static class ModelFile
{
    private const int MaximumBytes = 32 << 20;

    /// <exception cref="ModelImportException">The file is missing, unreadable, larger than 32 MiB or no file.</exception>
    public static byte[] ReadAll(string file)
    {
        try
        {
            return RegularFile.ReadAll(file, MaximumBytes);
        }
        catch (FileNotFoundException e)
        {
            throw new ModelImportException(file, null, "the file does not exist. A model folder holds config.json, scheduler_config.json and diffusion_pytorch_model.safetensors, "
                + "or the folders unet and scheduler with these files.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelImportException(file, null, $"cannot be read: {e.Message}", e);
        }
    }
}
