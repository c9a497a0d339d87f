using System.Reflection;
using ILGPU;
using ILGPU.Backends.OpenCL;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;
using ILGPU.IR.Values;
using ILGPU.Runtime.Cuda;

namespace Specializer.Ilgpu.Intrinsics;

/// <summary>Tells ILGPU what the methods of <see cref="ExactMath"/> are on a GPU. An instruction emitted this way has its operands in
/// registers, unlike inline assembly with several results, which ILGPU passes through local memory.</summary>
internal static class DeviceIntrinsics
{
    private static readonly Dictionary<string, string> PtxNames = new()
    {
        ["FusedMultiplyAdd(Single)"] = "fma.rn.f32",
        ["Multiply(Single)"] = "mul.rn.f32",
        ["Multiply(Double)"] = "mul.rn.f64",
        ["Dot(Int32)"] = "dp4a.u32.s32",
    };

    public static Context.Builder Specializer(this Context.Builder builder)
    {
        IntrinsicImplementationManager manager = builder.GetIntrinsicManager();
        foreach (MethodInfo method in typeof(ExactMath).GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly))
            manager.RegisterMethod(method, method.Name == nameof(ExactMath.Dot)
                ? new PTXIntrinsic(typeof(DeviceIntrinsics), nameof(Instruction), IntrinsicImplementationMode.GenerateCode, CudaArchitecture.SM_61)
                : new PTXIntrinsic(typeof(DeviceIntrinsics), nameof(Instruction), IntrinsicImplementationMode.GenerateCode));
        foreach (MethodInfo method in typeof(TensorCore).GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly))
            manager.RegisterMethod(method, new PTXIntrinsic(typeof(TensorCoreCode), nameof(TensorCoreCode.Generate), IntrinsicImplementationMode.GenerateCode));
        manager.RegisterMethod(typeof(ExactMath).GetMethod(nameof(ExactMath.FusedMultiplyAdd))!,
            new CLIntrinsic(typeof(DeviceIntrinsics), nameof(OpenClFma), IntrinsicImplementationMode.GenerateCode));
        return builder;
    }

    /// <summary>One instruction: result, then the call's arguments.</summary>
    public static void Instruction(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        var call = (MethodCall)value;
        MethodInfo method = (MethodInfo)call.Target.Source;
        var arguments = new List<PTXCodeGenerator.PrimitiveRegister>();
        foreach (ValueReference argument in call.Nodes) arguments.Add(generator.LoadPrimitive(argument));
        PTXCodeGenerator.HardwareRegister result = generator.AllocateHardware(call);
        using PTXCodeGenerator.CommandEmitter command = generator.BeginCommand(PtxNames[$"{method.Name}({method.ReturnType.Name})"]);
        command.AppendArgument(result);
        foreach (PTXCodeGenerator.PrimitiveRegister argument in arguments) command.AppendArgument(argument);
    }

    /// <summary>OpenCL's fma is rounded once by definition.</summary>
    public static void OpenClFma(CLBackend backend, CLCodeGenerator generator, Value value)
    {
        var call = (MethodCall)value;
        using CLCodeGenerator.StatementEmitter statement = generator.BeginStatement(generator.Allocate(call), "fma");
        statement.BeginArguments();
        foreach (ValueReference argument in call.Nodes) statement.AppendArgument(generator.Load(argument));
        statement.EndArguments();
    }
}
