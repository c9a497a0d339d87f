using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Specializer.Tool;

/// <summary>The parser's help, with examples of the command below it.</summary>
internal sealed class HelpWithExamples(SynchronousCommandLineAction help) : SynchronousCommandLineAction
{
    private static readonly Dictionary<string, string[]> s_examples = new(StringComparer.Ordinal)
    {
        ["calibrate"] = ["specializer calibrate models/mnist --out out --name mnist --null-label 10 --quick", "specializer calibrate models/mnist --out out --steps 20 --eta 0 --weights 4 --activations 8", "specializer calibrate models/mnist --out out --name mnist --null-label 10 --shard 0/3", "specializer calibrate models/emoji --out out --name emoji --prompts captions.txt --steps 25 --scheduler ddim dpmsolver++"],
        ["cluster"] = ["specializer cluster --silos 3 --app app.dll --store pictures", "specializer cluster --silos 3 --app app.dll --postgres \"Host=localhost;Database=specializer\" --health-port 8080"],
        ["convert"] = ["specializer convert v1-5-pruned.safetensors --out models/sd15", "specializer convert v2-1_768.safetensors --out models/sd21 --prediction v_prediction"],
        ["diff"] = ["specializer diff before/mnist.calibration.json after/mnist.calibration.json", "specializer diff before after --json"],
        ["doctor"] = ["specializer doctor", "specializer doctor --json"],
        ["evaluate"] = ["specializer evaluate out --model models/mnist --ablation none --html out/report.html"],
        ["export"] = ["specializer export models/mnist --onnx out/mnist.onnx", "specializer export models/emoji --onnx out/emoji.onnx --int8 --prompts prompts.txt --guidance 3"],
        ["inspect"] = ["specializer inspect models/mnist", "specializer inspect out/mnist.calibration.json --json"],
        ["merge"] = ["specializer merge models/mnist --out out --name mnist --null-label 10 --shards 3"],
        ["new"] = ["specializer new app --artifact out/mnist.calibration.json --source feed"],
        ["sample"] = ["specializer sample models/emoji --prompt \"red heart\" --guidance 3 --out out/heart.png", "specializer sample models/mnist --label 3 --null-label 10 --out out/three.png"],
        ["serve"] = ["specializer serve out/mnist.calibration.json --model models/mnist", "specializer serve out/emoji-ddim.calibration.json --example \"red heart\" pizza --port 0"],
        ["silo"] = ["specializer silo --app app.dll --store pictures --address 10.0.0.7 --health-port 8080"],
        ["synthesize"] = ["specializer synthesize sd15 --out models/sd15-random --seed 1"],
        ["verify"] = ["specializer verify models/mnist --against models/mnist/golden.safetensors"],
        ["worker"] = ["specializer worker models/mnist --out out --name mnist --null-label 10 --cluster 127.0.0.1:30000"],
    };

    // Of a file, which has no width of its own: its lines would be as long as the longest option and its description.
    private const int FileWidth = 100;

    /// <summary>Puts examples under the help of a root's commands.</summary>
    public static void AddTo(RootCommand root)
    {
        HelpOption option = root.Options.OfType<HelpOption>().Single();
        var help = (HelpAction)option.Action!;
        if (Console.IsOutputRedirected) help.MaxWidth = FileWidth;
        option.Action = new HelpWithExamples(help);
    }

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        int code = help.Invoke(parseResult);
        if (!s_examples.TryGetValue(parseResult.CommandResult.Command.Name, out string[]? examples)) return code;
        TextWriter output = parseResult.InvocationConfiguration.Output;
        output.WriteLine("Examples:");
        foreach (string example in examples) output.WriteLine($"  {example}");
        output.WriteLine();
        return code;
    }
}
