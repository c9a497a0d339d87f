namespace Specializer.Manifest;

/// <summary>Where each map lies in a session's arena: planned by liveness, so that the peak is known before the first run.</summary>
/// <remarks>Greedy by size (largest first, lowest free offset): maps whose lives overlap never overlap in memory. What an operation reads element by element just before it
/// writes (<see cref="Operation.Overwritten"/>: a convolution's residual) and dies there shares the output's memory. What a call computes and steps read, and the state, keep
/// their memory until the picture is there; the decoder uses that of the steps' maps.</remarks>
internal sealed class BufferPlan
{
    /// <summary>Name under which the step vectors' buffer is planned.</summary>
    public const string Vectors = "vectors";

    // Sixteen of the largest maps that convolutions take: what asks for more is a mistake, or hostile.
    private const long MaximumBytes = 16L << 30;

    // What the kernels of convolutions take (ConvolutionGeometry).
    private const long MostElements = 1 << 28;

    private readonly Dictionary<string, long> _offsets = new(StringComparer.Ordinal);

    /// <inheritdoc cref="BufferPlan(LinkedNetwork, SolverPlan)"/>
    public BufferPlan(Network network, SolverPlan? solver = null) : this(LinkedNetwork.Of(network), solver)
    {
    }

    /// <param name="linked">The networks.</param>
    /// <param name="solver">What the sampler's solver needs; null for the networks alone.</param>
    /// <exception cref="NotSupportedException">The maps of one image need more than 16 GiB, or a convolution's map has more than 2²⁸ elements.</exception>
    public BufferPlan(LinkedNetwork linked, SolverPlan? solver = null)
    {
        HashSet<string> convolved = [.. linked.Network.Operations.OfType<ConvolutionOperation>().SelectMany(c => new[] { c.Input, c.Output })];
        if (linked.Network.Maps.FirstOrDefault(m => convolved.Contains(m.Name) && (long)m.Height * m.Width * m.Channels > MostElements) is { } large)
            throw new NotSupportedException($"The map {Names.Quote(large.Name)} of {large.Height} × {large.Width} × {large.Channels} has more than {MostElements} elements, which convolutions do not take.");
        var lives = Lives(linked);
        long state = linked.Network.Maps.First(m => m.Name == linked.Network.Latent).BytesPerImage;
        foreach (Register register in solver?.Planned ?? []) lives.Add(new(Name(register), state, -1, int.MaxValue));
        // The sort key is total (size, start, name): equal networks give equal plans.
        lives.Sort((a, b) =>
            a.Bytes != b.Bytes ? b.Bytes.CompareTo(a.Bytes)
            : a.First != b.First ? a.First.CompareTo(b.First)
            : string.CompareOrdinal(a.Names[0], b.Names[0]));
        var placed = new List<(Life Life, long Offset)>();
        foreach (Life life in lives)
        {
            long offset = 0;
            foreach (var (other, start) in placed.Where(p => p.Life.Overlaps(life)).OrderBy(p => p.Offset))
            {
                if (offset + life.Bytes <= start) break;
                offset = Math.Max(offset, start + other.Bytes);
            }

            if (offset + life.Bytes > MaximumBytes) throw new NotSupportedException("The network's activations need more than 16 GiB for one image.");
            placed.Add((life, offset));
            foreach (string name in life.Names) _offsets[name] = offset;
            BytesPerImage = Math.Max(BytesPerImage, offset + life.Bytes);
        }

        for (int i = 0; i < linked.Network.Operations.Count; i++)
            LiveBytesPerImage = Math.Max(LiveBytesPerImage, lives.Where(l => l.First <= Time(linked, i) && Time(linked, i) <= l.Last).Sum(l => l.Bytes));
    }

    /// <summary>Bytes of the arena for one image.</summary>
    public long BytesPerImage { get; }

    /// <summary>Largest sum of maps that are live at the same time: what no plan can beat.</summary>
    public long LiveBytesPerImage { get; }

    /// <summary>Offset of one of the solver's registers.</summary>
    public long this[Register register] => _offsets[Name(register)];

    /// <summary>Offset of a map, or of <see cref="Vectors"/>, for a batch of one image.</summary>
    public long this[string name] => _offsets[name];

    // No map has a colon in its name.
    private static string Name(Register register) => "solver:" + register;

    private sealed class Life(string name, long bytes, int first, int last)
    {
        public List<string> Names { get; } = [name];
        public long Bytes { get; } = bytes;
        public int First { get; } = first;
        public int Last { get; set; } = last;
        public bool Overlaps(Life other) => First <= other.Last && other.First <= Last;
    }

    /// <summary>When the operation at an index runs: the solver stands between the steps' operations and the decoder's.</summary>
    private static int Time(LinkedNetwork linked, int operation) => operation + (linked.Time(operation) == BindingTime.End ? 1 : 0);

    private static List<Life> Lives(LinkedNetwork linked)
    {
        Network network = linked.Network;
        int count = network.Operations.Count, solver = linked.FirstEnd, end = solver == count ? solver : count + 1;
        var bytes = network.Maps.ToDictionary(m => m.Name, m => m.BytesPerImage, StringComparer.Ordinal);
        var types = network.Maps.ToDictionary(m => m.Name, m => m.Type, StringComparer.Ordinal);
        HashSet<string> given = [network.Latent, .. network.Inputs, .. linked.ImageInput is { } image ? [image] : (string[])[], .. linked.Tile is { } tile ? [tile] : (string[])[]];
        var lastUse = new Dictionary<string, int>(StringComparer.Ordinal) { [network.Latent] = end, [network.Epsilon] = solver, [linked.Picture] = end };
        HashSet<string> ofCall = [.. network.Inputs, .. network.Operations.Take(linked.CallOperations).SelectMany(o => o.Outputs())];
        if (linked.Variance is { } variance) lastUse[variance] = solver;
        // What leaves is read behind the last operation.
        foreach (string output in network.Outputs)
            if (!lastUse.ContainsKey(output)) lastUse.Add(output, end);
        // The solver reads it before the first step.
        if (linked.ImageOutput is { } known) lastUse[known] = linked.FirstStep;
        for (int i = 0; i < count; i++)
        {
            foreach (string input in network.Operations[i].Inputs())
            {
                // Every step reads it again, also after a look at the picture on its way.
                int time = ofCall.Contains(input) && linked.Time(i) != BindingTime.Call && linked.Time(i) != BindingTime.Image ? end : Time(linked, i);
                if (!lastUse.TryGetValue(input, out int last) || last < time) lastUse[input] = time;
            }
        }

        var lives = new Dictionary<string, Life>(StringComparer.Ordinal);
        foreach (string input in given) lives.Add(input, new(input, bytes[input], input == linked.Tile ? solver : -1, lastUse.TryGetValue(input, out int last) ? last : -1));
        for (int i = 0; i < count; i++)
        {
            Operation operation = network.Operations[i];
            int time = Time(linked, i);
            foreach (string output in operation.Outputs())
            {
                int last = Math.Max(time, lastUse.TryGetValue(output, out int use) ? use : time);
                if (operation.Overwritten is { } residual && !given.Contains(residual)
                    && lastUse[residual] == time && bytes[residual] == bytes[output] && types[residual] == types[output] && operation.Inputs().Count(n => n == residual) == 1)
                {
                    Life shared = lives[residual];
                    shared.Names.Add(output);
                    shared.Last = last;
                    lives[output] = shared;
                }
                else
                {
                    lives.Add(output, new(output, bytes[output], time, last));
                }
            }
        }

        var all = lives.Values.Distinct().ToList();
        if (network.Embedding.Vectors > 0)
            all.Add(new(Vectors, (network.Embedding.Vectors * 4L + 63) / 64 * 64, linked.CallOperations - 1, solver));
        return all;
    }
}
