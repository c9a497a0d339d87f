using Specializer.Calibration;

namespace Specializer.Fuzz;

/// <summary>Reads a network's or a scheduler's configuration of diffusers; each input is tried as both.</summary>
internal sealed class ConfigurationTarget : FuzzTarget
{
    public override string Name => "config";

    public override IEnumerable<byte[]> Seeds =>
    [
        """
        {"_class_name": "UNet2DModel", "_diffusers_version": "0.30.3", "sample_size": 28, "in_channels": 1, "out_channels": 1, "block_out_channels": [32, 64, 64], "layers_per_block": 1,
        "down_block_types": ["DownBlock2D", "DownBlock2D", "AttnDownBlock2D"], "up_block_types": ["AttnUpBlock2D", "UpBlock2D", "UpBlock2D"], "norm_num_groups": 8, "attention_head_dim": 32,
        "num_class_embeds": 11, "freq_shift": 0, "flip_sin_to_cos": true, "norm_eps": 1e-5, "downsample_padding": 1, "mid_block_scale_factor": 1, "act_fn": "silu", "add_attention": true}
        """u8.ToArray(),
        """
        {"_class_name": "DDPMScheduler", "num_train_timesteps": 1000, "beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02, "trained_betas": null, "variance_type": "fixed_small",
        "clip_sample": true, "clip_sample_range": 1.0, "prediction_type": "epsilon", "timestep_spacing": "leading", "steps_offset": 0, "thresholding": false, "rescale_betas_zero_snr": false}
        """u8.ToArray(),
        """{"_class_name": "DDIMScheduler", "trained_betas": [0.1, 0.2], "num_train_timesteps": 2, "set_alpha_to_one": true}"""u8.ToArray(),
    ];

    public override byte[] Mutate(byte[] input, Mutator mutator) => mutator.Json(input);

    public override string Read(byte[] input)
    {
        ConfigurationReader json;
        try
        {
            json = ConfigurationReader.Parse("config.json", input);
        }
        catch (ModelImportException e)
        {
            return e.Message;
        }

        return $"{Answer(() => UNetConfiguration.Read(json))} / {Answer(() => new ModelScheduler(json.Anew()).Check())}";
    }

    private static string Answer(Action read)
    {
        try
        {
            read();
            return "accepted";
        }
        catch (ModelImportException e)
        {
            return e.Message;
        }
    }
}
