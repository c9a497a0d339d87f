using System.Reflection;
using System.Runtime.Loader;
using dnlib.DotNet;
using dnlib.DotNet.Emit;

namespace Specializer.Mutations;

/// <summary>An assembly with all of Stryker's mutations in it, of which one is active or none. Stryker's own switch asks the environment and looks through lists; it is replaced by a comparison
/// and an array of marks, which makes tests as quick as without mutations.</summary>
internal sealed class MutatedAssembly
{
    private const int MostMutations = 1 << 16;

    private readonly FieldInfo _active, _marks;

    /// <summary>Loads it, for all that refer to an assembly of its name.</summary>
    public MutatedAssembly(string path)
    {
        using var image = new MemoryStream(Rewritten(path));
        Type control = AssemblyLoadContext.Default.LoadFromStream(image).GetTypes().Single(t => t.Name == "MutantControl");
        (_active, _marks) = (control.GetField("ActiveMutant")!, control.GetField("Marks")!);
        Activate(-1);
    }

    /// <summary>Makes one mutation active; −1 for none.</summary>
    public void Activate(int mutation) => _active.SetValue(null, mutation);

    /// <summary>The mutations that something comes by, with none of them active.</summary>
    public HashSet<int> ReachedBy(Action action)
    {
        var marks = new bool[MostMutations];
        _marks.SetValue(null, marks);
        try
        {
            action();
        }
        finally
        {
            _marks.SetValue(null, null);
        }

        return [.. Enumerable.Range(0, marks.Length).Where(i => marks[i])];
    }

    private static byte[] Rewritten(string path)
    {
        using var module = ModuleDefMD.Load(File.ReadAllBytes(path));
        TypeDef control = module.GetTypes().Single(t => t.Name == "MutantControl");
        FieldDef active = control.FindField("ActiveMutant"), marks = new FieldDefUser("Marks", new FieldSig(new SZArraySig(module.CorLibTypes.Boolean)), dnlib.DotNet.FieldAttributes.Public | dnlib.DotNet.FieldAttributes.Static);
        control.Fields.Add(marks);
        MethodDef isActive = control.FindMethod("IsActive");
        Instruction compare = OpCodes.Ldarg_0.ToInstruction();
        isActive.Body = new CilBody(true,
        [
            OpCodes.Ldsfld.ToInstruction(marks), OpCodes.Brfalse.ToInstruction(compare),
            // marks[id] = true
            OpCodes.Ldsfld.ToInstruction(marks), OpCodes.Ldarg_0.ToInstruction(), Instruction.CreateLdcI4(1), OpCodes.Stelem_I1.ToInstruction(),
            Instruction.CreateLdcI4(0), OpCodes.Ret.ToInstruction(),
            // id == ActiveMutant
            compare, OpCodes.Ldsfld.ToInstruction(active), OpCodes.Ceq.ToInstruction(), OpCodes.Ret.ToInstruction(),
        ], [], []);
        using var image = new MemoryStream();
        module.Write(image);
        return image.ToArray();
    }
}
