namespace Specializer.Calibration;

/// <summary>Figures that follow from each other, in the order in which they are measured: an interrupted calibration goes on behind the last one.</summary>
internal sealed class MeasuredFigures
{
    private readonly string _phase;
    private readonly Checkpoint _checkpoint;
    private readonly List<double> _figures;
    private int _next;

    /// <param name="phase">Of the checkpoint.</param>
    /// <param name="most">Figures that there can be.</param>
    /// <param name="checkpoint">Written after each.</param>
    public MeasuredFigures(string phase, int most, Checkpoint checkpoint)
    {
        (_phase, _checkpoint) = (phase, checkpoint);
        double[] left = [];
        int count = checkpoint.Load(phase, most, (reader, count) =>
        {
            left = new double[count];
            // Pictures that are the same have an infinite PSNR.
            for (int i = 0; i < count; i++) left[i] = reader.ReadDouble() is var figure && figure > double.NegativeInfinity ? figure : throw new InvalidDataException("a figure is no number");
        });
        _figures = [.. left.Take(count)];
    }

    /// <summary>The next figure.</summary>
    /// <param name="measure">Measures it.</param>
    /// <param name="resumed">Told instead where an earlier run has.</param>
    public double Next(Func<double> measure, Action resumed)
    {
        if (_next < _figures.Count)
        {
            resumed();
        }
        else
        {
            _figures.Add(measure());
            _checkpoint.Save(_phase, _figures.Count, writer => _figures.ForEach(writer.Write));
        }

        return _figures[_next++];
    }
}
