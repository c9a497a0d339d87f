using System.CommandLine;
using System.Reflection;
using Specializer.Calibration;
using Specializer.Calibration.TorchSharp;

namespace Specializer.Tool;

/// <summary><c>--engine</c>: what evaluates the FP32 network.</summary>
internal static class EngineOption
{
    /// <summary>This project's kernels.</summary>
    public const string Interpreter = "interpreter";

    private const string Torch = "torchsharp", TorchCuda = "torchsharp-cuda";

    /// <summary>The package with libtorch that this build has, or <c>none</c>.</summary>
    private static readonly string Backend = typeof(EngineOption).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "TorchBackend").Value!;

    /// <summary>Whether this build of the tool has libtorch.</summary>
    public static bool HasTorch => Backend != "none";

    public static Option<string> Create()
    {
        var option = new Option<string>("--engine")
        {
            HelpName = "engine", Description = "What evaluates the FP32 network: this project's kernels (interpreter), or libtorch (torchsharp, torchsharp-cuda) in a build that has it.",
            DefaultValueFactory = _ => Interpreter,
        };
        return option.AcceptOnlyFromAmong(Interpreter, Torch, TorchCuda);
    }

    /// <summary>Opens an engine.</summary>
    /// <param name="name">One of the option's values.</param>
    /// <param name="device">For the interpreter; stays the caller's.</param>
    /// <param name="threads">CPU threads of libtorch; 0 for its own choice.</param>
    /// <exception cref="NotSupportedException">This build or machine has not got the engine.</exception>
    public static ReferenceEngine Open(string name, Device device, int threads)
    {
        if (name == Interpreter) return new InterpreterEngine(device);
        bool cuda = name == TorchCuda;
        if (!HasTorch)
        {
            throw new NotSupportedException(
                $"The engine '{name}' needs libtorch, and this build of the tool is without it. Build the tool with -p:TorchBackend={(cuda ? "TorchSharp-cuda-linux (or -windows)" : "libtorch-cpu-linux-x64 (or -osx-arm64, -win-arm64, -win-x64)")}; see docs/torchsharp.md. Or use --engine {Interpreter}.");
        }

        return new TorchEngine(cuda, threads);
    }
}
