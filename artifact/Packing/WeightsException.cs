using Specializer.Manifest;

namespace Specializer.Packing;

/// <summary>The weights do not fit the manifest. The message names the tensor and the element, and says what is expected.</summary>
internal sealed class WeightsException(string message) : Exception(MessageText.Harmless(message));
