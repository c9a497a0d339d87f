using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>A network is read in the pipeline that it belongs to.</summary>
public class PipelineTests
{
    private const string Latent = """
        {"_class_name": "LDMPipeline", "_diffusers_version": "0.30.3", "safety_checker": [null, null],
         "scheduler": ["diffusers", "DDIMScheduler"], "unet": ["diffusers", "UNet2DModel"], "vqvae": ["diffusers", "VQModel"]}
        """;

    [Fact]
    public void A_latent_model_is_known_by_its_decoder_and_not_calibrated_without()
    {
        using TemporaryFolder folder = Folders(Latent);
        foreach (string given in (string[])[folder.Root, folder.File("unet"), folder.File("model_index.json"), folder.File("unet/config.json")])
        {
            ImportedModel model = DiffusersImporter.Load(given);
            Assert.Equal(new("vqvae", "VQModel"), model.Pipeline!.Decoder);
            Assert.Equal("LDMPipeline", model.Pipeline.Class);
            using var output = new TemporaryFolder();
            using var device = new CpuDevice(1);
            var e = Assert.Throws<UnsupportedModelException>(() => Calibrator.Run(model, new() { Steps = 2, Trajectories = 2 }, output.Root, device));
            Assert.Equal("vqvae", e.Key);
            Assert.Contains("latents", e.Message);
            Assert.Empty(Directory.GetFileSystemEntries(output.Root));
        }
    }

    [Fact]
    public void Without_an_index_the_folders_tell()
    {
        using TemporaryFolder folder = Folders(null);
        Assert.Null(DiffusersImporter.Load(folder.Root).Pipeline!.Decoder);
        Directory.CreateDirectory(folder.File("vae"));
        File.WriteAllText(folder.File("vae/config.json"), """{"_class_name": "AutoencoderKL"}""");
        Assert.Equal(new("vae", "AutoencoderKL"), DiffusersImporter.Load(folder.Root).Pipeline!.Decoder);
    }

    [Fact]
    public void A_pipeline_whose_network_draws_pictures_is_none()
    {
        using var folder = new ModelFolder();
        File.WriteAllText(Path.Combine(folder.Root, "model_index.json"),
            """{"_class_name": "DDPMPipeline", "scheduler": ["diffusers", "DDPMScheduler"], "unet": ["diffusers", "UNet2DModel"]}""");
        ImportedModel model = DiffusersImporter.Load(folder.Root);
        Assert.Equal("DDPMPipeline", model.Pipeline!.Class);
        Assert.Null(model.Pipeline.Decoder);
    }

    [Fact]
    public void Another_kind_of_network_is_refused_by_name()
    {
        using TemporaryFolder folder = Folders("""{"_class_name": "SomePipeline", "text_encoder": ["transformers", "CLIPTextModel"], "transformer": ["diffusers", "DiTTransformer2DModel"]}""");
        var e = Assert.Throws<UnsupportedModelException>(() => DiffusersImporter.Load(folder.Root));
        Assert.Equal(("transformer", "\"DiTTransformer2DModel\""), (e.Key, e.Value));
    }

    /// <summary>Guidance that is scaled by the deviation of each prediction has no statistics of its own.</summary>
    [Fact]
    public void Dynamic_guidance_rescale_is_refused_by_name()
    {
        const string index = """{"_class_name": "DDPMPipeline", "guidance_rescale": VALUE, "scheduler": ["diffusers", "DDPMScheduler"], "unet": ["diffusers", "UNet2DModel"]}""";
        using TemporaryFolder folder = Folders(index.Replace("VALUE", "0.7", StringComparison.Ordinal)), none = Folders(index.Replace("VALUE", "0.0", StringComparison.Ordinal));
        var e = Assert.Throws<UnsupportedModelException>(() => DiffusersImporter.Load(folder.Root));
        Assert.Equal(("guidance_rescale", "0.7"), (e.Key, e.Value));
        Assert.Equal("guidance_rescale", Assert.Single(ModelInspection.Of(folder.Root).Refused).Key);
        Assert.Equal("DDPMPipeline", DiffusersImporter.Load(none.Root).Pipeline!.Class);
    }

    private static TemporaryFolder Folders(string? index)
    {
        var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.File("unet"));
        Directory.CreateDirectory(folder.File("scheduler"));
        foreach (string name in (string[])["config.json", "diffusion_pytorch_model.safetensors"]) File.Copy(Path.Combine(ModelFolder.Source, name), folder.File($"unet/{name}"));
        File.Copy(Path.Combine(ModelFolder.Source, "scheduler_config.json"), folder.File("scheduler/scheduler_config.json"));
        if (index is not null) File.WriteAllText(folder.File("model_index.json"), index);
        return folder;
    }
}
