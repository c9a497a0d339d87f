using Specializer.Gallery;

// A page that shows how the quantized model and its FP32 network turn the same noise into a picture, for this computer alone.
// Options: --model emoji (or digits), --port 5080 (0 chooses a free one), --reference false (without FP32), --pause 40 (milliseconds between steps), --queue 4 (drawings that may wait).
GallerySettings settings;
try
{
    settings = GallerySettings.Read(new ConfigurationBuilder().AddCommandLine(args).Build());
}
catch (FormatException e)
{
    Console.Error.WriteLine($"error: {e.Message}");
    return 2;
}

using GalleryModel model = GalleryModel.Load(settings);
await using WebApplication app = GalleryServer.Create(model, settings);
try
{
    await app.StartAsync();
}
catch (IOException e)
{
    Console.Error.WriteLine($"error: port {settings.Port} of this computer cannot be listened on: {e.Message} Name another with --port, or 0 for any.");
    return 2;
}

Console.WriteLine($"The gallery is open at {app.Urls.First()}. Ctrl-C closes it.");
await app.WaitForShutdownAsync();
return 0;
