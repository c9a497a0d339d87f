using System.Runtime.InteropServices;

namespace Specializer.Ilgpu.Tests.Ptx;

/// <summary>Every fault that <see cref="PtxMachine"/> and <see cref="MemoryChecker"/> are there to find, next to the same program without it.</summary>
public unsafe class MemoryCheckerTests
{
    private const string Copy = "cp.async.cg.shared.global [%r4], [%rd3], 16;\ncp.async.commit_group;\n", Sync = "bar.sync 0;\n", WarpSync = "bar.warp.sync 0xffffffff;\n";
    private const string Matrices = "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r10, %r11, %r12, %r13}, [%r4];\n";
    private const string StoreOwn = "st.shared.b32 [%r1], %r0;\n", LoadOwn = "ld.shared.b32 %r9, [%r1];\n", LoadNeighbour = "ld.shared.b32 %r9, [%r2];\n", LoadOtherWarp = "ld.shared.b32 %r9, [%r3];\n";
    private const string StoreGlobal = "st.global.b32 [%rd1], %r0;\n", LoadGlobalNeighbour = "ld.global.b32 %r9, [%rd2];\n", Unordered = "nothing orders the two", Unwritten = "nobody has written yet";

    /// <summary>Two warps each: programs in which every access is ordered.</summary>
    [Theory]
    [InlineData(StoreOwn + Sync + LoadOtherWarp)]
    [InlineData(StoreOwn + WarpSync + LoadNeighbour)]
    [InlineData(StoreOwn + LoadOwn + StoreOwn)]
    [InlineData(StoreOwn + Sync + LoadOtherWarp + LoadNeighbour + Sync + StoreOwn)]
    [InlineData(StoreOwn + WarpSync + LoadNeighbour + WarpSync + StoreOwn)]
    [InlineData(Copy + "cp.async.wait_group 0;\nld.shared.b32 %r9, [%r4];\n")]
    [InlineData(Copy + "cp.async.wait_group 0;\n" + WarpSync + Matrices)]
    [InlineData(Copy + "cp.async.wait_group 0;\n" + Sync + Matrices + Sync + Copy)]
    [InlineData(StoreGlobal + Sync + LoadGlobalNeighbour)]
    [InlineData("st.global.b8 [%rd5], %r0;\n")]
    [InlineData("ld.global.b32 %r9, [%rd0+1020];\n", 2)]
    [InlineData(Sync + "setp.lt.s32 %p0, %r0, 7;\n@%p0 bra Out;\nadd.s32 %r0, %r0, 1;\nOut:\n" + Sync)]
    public void What_is_ordered_passes(string body, int groups = 1) => Run(body, groups);

    [Theory]
    // Between warps only a barrier of the group orders, between the lanes of one also that of the warp.
    [InlineData(StoreOwn + LoadOtherWarp, Unwritten)]
    [InlineData(StoreOwn + WarpSync + LoadOtherWarp, Unwritten)]
    [InlineData(StoreOwn + LoadNeighbour, Unwritten)]
    [InlineData(StoreOwn + Sync + StoreOwn + LoadOtherWarp, Unordered)]
    [InlineData(StoreOwn + Sync + StoreOwn + WarpSync + LoadOtherWarp, Unordered)]
    [InlineData(StoreOwn + Sync + StoreOwn + LoadNeighbour, Unordered)]
    [InlineData(StoreOwn + Sync + LoadOtherWarp + StoreOwn, "read")]
    [InlineData(StoreOwn + Sync + LoadOtherWarp + LoadOwn + StoreOwn, "read")]
    [InlineData(StoreOwn + Sync + LoadOtherWarp + WarpSync + LoadNeighbour + WarpSync + StoreOwn, "read")]
    [InlineData(StoreOwn + WarpSync + LoadNeighbour + StoreOwn, "read")]
    [InlineData("st.shared.b32 [tensor_tile], %r0;\n", "wrote")]
    [InlineData(LoadOwn, Unwritten)]
    // Asynchronous copies are there when their thread has waited, and for others after a barrier.
    [InlineData(Copy + "ld.shared.b32 %r9, [%r4];\n", "still copying")]
    [InlineData(Copy + "cp.async.wait_group 1;\n" + Sync + "ld.shared.b32 %r9, [%r4];\n", "still copying")]
    [InlineData(Copy + Copy, "still copying")]
    [InlineData(Copy + "cp.async.wait_group 0;\n" + Matrices, Unordered)]
    [InlineData(Copy + Sync + "cp.async.wait_group 0;\n" + Matrices, Unordered)]
    [InlineData(Copy + "cp.async.wait_group 0;\n" + Sync + Matrices + Copy, "read")]
    [InlineData(StoreGlobal + "cp.async.cg.shared.global [%r4], [%rd3], 16;\n", Unordered)]
    // Groups of a launch are never ordered.
    [InlineData(StoreGlobal, "wrote", 2)]
    [InlineData(StoreGlobal + LoadGlobalNeighbour, Unordered)]
    [InlineData("ld.global.b32 %r9, [%rd1];\n" + Sync + "setp.ne.s32 %p0, %r5, 1;\n@%p0 bra Out;\n" + StoreGlobal + "Out:\n", "of group 0 read", 2)]
    // Addresses.
    [InlineData("st.shared.b32 [%r1+1024], %r0;\n", "there are 1024")]
    [InlineData("st.shared.v2.b32 [%r1], {%r0, %r0};\n", "not aligned")]
    [InlineData("cp.async.cg.shared.global [%r1], [%rd0], 16;\n", "not aligned")]
    [InlineData("cp.async.cg.shared.global [%r4], [%rd1], 16;\n", "not aligned")]
    [InlineData("cp.async.cg.shared.global [%r4], [%rd4], 16;\n", "outside")]
    [InlineData("ld.global.b32 %r9, [%rd0+1024];\n", "outside")]
    [InlineData("ld.global.b32 %r9, [%rd0+-4];\n", "outside")]
    [InlineData(StoreOwn + Sync + "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r10, %r11, %r12, %r13}, [%r1];\n", "not aligned")]
    // Everyone must be there.
    [InlineData("setp.lt.s32 %p0, %r0, 32;\n@%p0 bra Out;\n" + Sync + "Out:\n", "have left")]
    [InlineData("setp.lt.s32 %p0, %r0, 7;\n@%p0 bra Out;\n" + WarpSync + "Out:\n", "needs all 32 lanes")]
    [InlineData("setp.lt.s32 %p0, %r0, 7;\n@%p0 bra Out;\n" + WarpSync + "Out:\n" + Sync, "different instructions")]
    [InlineData("setp.lt.s32 %p0, %r0, 32;\n@%p0 bra Out;\n" + Sync + "Out:\n" + Sync, "different barriers")]
    [InlineData("setp.lt.s32 %p0, %r0, 7;\n@%p0 bra Out;\n" + Matrices + "Out:\n", "needs all 32 lanes")]
    public void What_is_not_is_found(string body, string message, int groups = 1) =>
        Assert.Contains(message, Assert.Throws<InvalidOperationException>(() => Run(body, groups)).Message);

    [Fact]
    public void Launches_that_a_driver_refuses_are_refused()
    {
        foreach ((long groups, int threads) in ((long, int)[])[(0, 32), (1L << 31, 32), (1, 0), (1, 1025)])
            Assert.Throws<InvalidOperationException>(() => PtxMachine.CheckGrid(groups, threads));
        PtxMachine.CheckGrid(int.MaxValue, 1024);
        Assert.Throws<InvalidOperationException>(() => new PtxMachine(Program("", 48 * 1024 + 16)));
    }

    /// <summary>64 threads: r0 is the thread, r1 the address of its word in shared memory, r2 that of the next lane's, r3 of the other warp's, r4 of 16 bytes of its own, r5 the group;
    /// rd0 to rd3 are global addresses, of everything and those of r1, r2 and r4; rd4 is 16 bytes past rd3, and rd5 a byte of its own.</summary>
    private static PtxProgram Program(string body, int sharedBytes = 1024) => new($$"""
        .visible .entry kernel(
            .param .align 8 .b8 kernel_parameter[8]
        )
        {
            .shared .align 16 .b8 tensor_tile[{{sharedBytes}}];
            mov.u32 %r0, %tid.x;
            shl.b32 %r1, %r0, 2;
            xor.b32 %r2, %r1, 4;
            xor.b32 %r3, %r1, 128;
            shl.b32 %r4, %r0, 4;
            mov.u32 %r5, %ctaid.x;
            ld.param.b64 %rd0, [kernel_parameter];
            cvt.u64.u32 %rd1, %r1;
            add.u64 %rd1, %rd0, %rd1;
            cvt.u64.u32 %rd2, %r2;
            add.u64 %rd2, %rd0, %rd2;
            cvt.u64.u32 %rd3, %r4;
            add.u64 %rd3, %rd0, %rd3;
            add.u64 %rd4, %rd3, 16;
            cvt.u64.u32 %rd5, %r0;
            add.u64 %rd5, %rd0, %rd5;
        {{body}}
            ret;
        }
        """);

    private static void Run(string body, int groups)
    {
        const int bytes = 1024;
        void* memory = NativeMemory.AlignedAlloc(bytes, 16);
        try
        {
            new PtxMachine(Program(body)).Launch(BitConverter.GetBytes((ulong)memory), [new((ulong)memory, bytes)], groups, 64);
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
        }
    }
}
