using System.Reflection;
using ILGPU;
using ILGPU.Backends.OpenCL;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;
using ILGPU.IR.Values;
using ILGPU.Runtime.Cuda;
using ILGPU.Util;

namespace Specializer.Ilgpu.Intrinsics;

/// <summary>Tells ILGPU what the methods of <see cref="ExactMath"/> are on a GPU. An instruction emitted this way has its operands in
/// registers, unlike inline assembly with several results, which ILGPU passes through local memory.</summary>
internal static class DeviceIntrinsics
{
    /// <summary>PTX: an instruction. OpenCL: an expression. Its fma is rounded once by definition; with -0, which changes no product, it is
    /// a product that nothing fuses.</summary>
    private static readonly Dictionary<string, (string Ptx, string OpenCL)> Operations = new()
    {
        ["FusedMultiplyAdd(Single)"] = ("fma.rn.f32", "fma({0}, {1}, {2})"),
        ["Multiply(Single)"] = ("mul.rn.f32", "fma({0}, {1}, -0.0f)"),
        ["Multiply(Double)"] = ("mul.rn.f64", "fma({0}, {1}, -0.0)"),
        ["Product(UInt64)"] = ("mul.wide.u32", "(ulong)(uint){0} * (uint){1}"),
    };

    public static Context.Builder Specializer(this Context.Builder builder)
    {
        IntrinsicImplementationManager manager = builder.GetIntrinsicManager();
        MethodInfo dot = typeof(ExactMath).GetMethod(nameof(ExactMath.Dot))!, plainDot = typeof(ExactMath).GetMethod(nameof(ExactMath.PlainDot))!;
        foreach (MethodInfo method in Methods(typeof(ExactMath)).Where(m => m != dot))
        {
            manager.RegisterMethod(method, new PTXIntrinsic(typeof(DeviceIntrinsics), nameof(PtxInstruction), IntrinsicImplementationMode.GenerateCode));
            manager.RegisterMethod(method, new CLIntrinsic(typeof(DeviceIntrinsics), nameof(OpenCLExpression), IntrinsicImplementationMode.GenerateCode));
        }

        manager.RegisterMethod(dot, new PTXIntrinsic(typeof(DeviceIntrinsics), nameof(PtxDot), IntrinsicImplementationMode.GenerateCode, CudaArchitecture.SM_61));
        manager.RegisterMethod(dot, new PTXIntrinsic(plainDot, IntrinsicImplementationMode.Redirect, minArchitecture: null, maxArchitecture: CudaArchitecture.SM_61));
        manager.RegisterMethod(dot, new CLIntrinsic(plainDot, IntrinsicImplementationMode.Redirect));
        foreach (MethodInfo method in Methods(typeof(TensorCore)))
            manager.RegisterMethod(method, new PTXIntrinsic(typeof(TensorCoreCode), nameof(TensorCoreCode.Generate), IntrinsicImplementationMode.GenerateCode));
        return builder;
    }

    public static void PtxDot(PTXBackend backend, PTXCodeGenerator generator, Value value) => Instruction(generator, (MethodCall)value, "dp4a.u32.s32");

    public static void PtxInstruction(PTXBackend backend, PTXCodeGenerator generator, Value value) =>
        Instruction(generator, (MethodCall)value, Operation((MethodCall)value).Ptx);

    public static void OpenCLExpression(CLBackend backend, CLCodeGenerator generator, Value value)
    {
        var call = (MethodCall)value;
        var arguments = new List<object>();
        foreach (ValueReference argument in call.Nodes) arguments.Add(generator.Load(argument));
        using CLCodeGenerator.StatementEmitter statement = generator.BeginStatement(generator.Allocate(call));
        statement.AppendOperation((RawString)Operation(call).OpenCL, [.. arguments]);
    }

    /// <summary>Result, then the call's arguments.</summary>
    private static void Instruction(PTXCodeGenerator generator, MethodCall call, string instruction)
    {
        var arguments = new List<PTXCodeGenerator.PrimitiveRegister>();
        foreach (ValueReference argument in call.Nodes) arguments.Add(generator.LoadPrimitive(argument));
        PTXCodeGenerator.HardwareRegister result = generator.AllocateHardware(call);
        using PTXCodeGenerator.CommandEmitter command = generator.BeginCommand(instruction);
        command.AppendArgument(result);
        foreach (PTXCodeGenerator.PrimitiveRegister argument in arguments) command.AppendArgument(argument);
    }

    private static (string Ptx, string OpenCL) Operation(MethodCall call)
    {
        var method = (MethodInfo)call.Target.Source;
        return Operations[$"{method.Name}({method.ReturnType.Name})"];
    }

    private static IEnumerable<MethodInfo> Methods(Type type) => type.GetMethods().Where(m => m.IsDefined(typeof(IntrinsicImplementationAttribute)));
}
