using Microsoft.Extensions.AI;

namespace Specializer.Extensions.AI;

/// <summary>A request's images on their way, after some step.</summary>
/// <param name="Step">Steps that are done, from 1.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="Images">A PNG each, with the properties that the finished image will have: all of the request's, or those that are drawn just then where it has more than are drawn at once.</param>
public sealed record ImagePreview(int Step, int Steps, IReadOnlyList<DataContent> Images);
