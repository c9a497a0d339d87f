using Specializer.Tool;

return ExitCode.Of(Commands.Create().Parse(args));
