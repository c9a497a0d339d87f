using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;
using Specializer;
using Specializer.Generated.Tests;

// Prints which instruction sets are on and the SHA-256 of two drawn digits.
using var device = new CpuDevice(2);
using MnistSampler sampler = MnistSampler.Load(device);
ImageBatch images = sampler.Sample(new() { Count = 2, Seed = 11, Labels = [3, 8] });
Console.WriteLine($"AVX2 {(Avx2.IsSupported ? "on" : "off")}, AVX-512 {(Avx512F.IsSupported ? "on" : "off")}");
Console.WriteLine(Convert.ToHexString(SHA256.HashData(MemoryMarshal.AsBytes(images.Pixels.Span))));
