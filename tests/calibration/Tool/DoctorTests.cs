using System.Text.Json;
using Specializer.Tool;

namespace Specializer.Calibration.Tests;

public class DoctorTests
{
    [Theory]
    [InlineData(true, "10.0.100")]
    [InlineData(true, "8.0.400", "10.0.401")]
    [InlineData(true, "11.0.100-preview.2")]
    [InlineData(false, "8.0.400", "9.0.300")]
    [InlineData(false)]
    public void An_SDK_that_builds_samplers_is_wanted(bool good, params string[] installed) =>
        Assert.Equal(good ? ObservationState.Good : ObservationState.Missing, Examination.Sdk(installed).State);

    [Fact]
    public void Without_dotnet_it_says_what_to_install()
    {
        Observation observation = Examination.Sdk(null);
        Assert.Equal(ObservationState.Missing, observation.State);
        Assert.Contains("10.0.100", observation.Consequence, StringComparison.Ordinal);
    }

    [Fact]
    public void Devices_are_told_from_drivers_without_one()
    {
        Observation[] found = [.. Examination.Gpus("CUDA 0: NVIDIA H100; OpenCL 0: Old card (not usable: no generic address space); no CUDA driver (libcuda.so.1)")];
        Assert.Equal([ObservationState.Good, ObservationState.Absent, ObservationState.Absent], found.Select(f => f.State));
        Assert.Contains("IlgpuDevice.Cuda()", found[0].Consequence, StringComparison.Ordinal);
    }

    [Fact]
    public void This_computer_can_be_examined_and_only_what_is_needed_fails()
    {
        var output = new StringWriter();
        int code = DoctorCommand.Run(Examination.OfThisComputer(), json: true, output);
        JsonElement all = JsonDocument.Parse(output.ToString()).RootElement;
        // Tests are run by an SDK that builds samplers.
        Assert.True(all.GetProperty("ok").GetBoolean());
        Assert.Equal(ExitCode.Success, code);
        Assert.Contains(all.GetProperty("observations").EnumerateArray(), f => f.GetProperty("subject").GetString() == "processor" && f.GetProperty("state").GetString() == "good");

        Assert.Equal(ExitCode.Failed, DoctorCommand.Run([new("x", ObservationState.Missing, "", "")], json: false, output));
        Assert.Equal(ExitCode.Success, DoctorCommand.Run([new("x", ObservationState.Absent, "", "")], json: false, output));
    }
}
