using Specializer.Tests;

namespace Specializer.Tasks.Tests;

public class ExceptionTests
{
    [Fact]
    public void No_exception_of_the_build_shows_what_it_is_given_as_it_is()
    {
        Assert.Empty(OwnExceptions.ThatShowAnything(out Type[] tried));
        Assert.Contains(typeof(DiagnosticException), tried);
    }
}
