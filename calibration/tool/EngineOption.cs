using System.CommandLine;
using Specializer.Calibration;
#if FULL_FEED
using Specializer.Calibration.TorchSharp;
#endif

namespace Specializer.Tool;

/// <summary><c>--engine</c>: what evaluates the FP32 network.</summary>
internal static class EngineOption
{
    /// <summary>This project's kernels.</summary>
    public const string Interpreter = "interpreter";

    private const string Torch = "torchsharp", TorchCuda = "torchsharp-cuda";

    public static Option<string> Create()
    {
        var option = new Option<string>("--engine")
        {
            Description = "What evaluates the FP32 network: this project's kernels (interpreter), or libtorch (torchsharp, torchsharp-cuda) in a build that has it.",
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
#if FULL_FEED
        return new TorchEngine(name == TorchCuda, threads);
#else
        throw new NotSupportedException(
            $"The engine '{name}' is not in this build of the tool. Build the tool with -p:FullFeed=true where TorchSharp is on the package feed (docs/torchsharp.md), or use --engine {Interpreter}.");
#endif
    }
}
