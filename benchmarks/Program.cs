using System.CommandLine;
using Specializer.Benchmarks.Commands;

var root = new RootCommand("Measures Specializer, beside ONNX Runtime where benchmarks/install-onnxruntime.sh has installed it.")
{
    ModelsCommand.Create(),
    CheckCommand.Create(),
};
return root.Parse(args).Invoke();
