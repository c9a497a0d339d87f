namespace Specializer.Benchmarks.Cluster;

/// <summary>Plays a job of a cluster, event by event: silos ask for units, the job answers one after the other, silos are lost and come back. The same numbers and seed give the same outcome.</summary>
internal sealed class ClusterSimulation
{
    private enum Kind
    {
        /// <summary>A silo's question reaches the job, with what it finished.</summary>
        Asks,
        /// <summary>A silo ends.</summary>
        IsLost,
        /// <summary>The cluster learns of it.</summary>
        IsMissed,
        /// <summary>Another takes its place.</summary>
        Returns,
    }

    /// <summary>What happens to a silo in some life of it: events of a former one mean nothing. Of what is missed, the pictures stand in place of the life.</summary>
    private readonly record struct Event(Kind Kind, int Silo, int Life);

    private struct Silo
    {
        public int Life, First, Count;
        public double Begun;
    }

    private readonly ClusterModel _model;
    private readonly Random _random;
    private readonly PriorityQueue<Event, (double Time, long Order)> _events = new();
    private readonly Silo[] _silos;
    private long _order;
    private double _now, _jobFree, _busy, _waited, _dry = double.NaN;
    private int _free, _working, _finished, _units, _lost, _handedOut;
    private double _rework;

    private ClusterSimulation(ClusterModel model)
    {
        (_model, _random, _silos, _free) = (model, new(model.Seed), new Silo[model.Silos], model.Pictures);
        // Silos look for work once in Idle: the job finds them at different times.
        for (int i = 0; i < model.Silos; i++) Begin(i, _random.NextDouble() * model.Idle);
    }

    /// <summary>Plays a job.</summary>
    public static ClusterOutcome Run(ClusterModel model)
    {
        var simulation = new ClusterSimulation(model);
        simulation.Run();
        double wall = simulation._now;
        return new(wall, model.Pictures * model.Picture / (model.Silos * wall), simulation._units, simulation._lost, simulation._rework / model.Pictures, simulation._busy / wall,
            simulation._waited / Math.Max(1, simulation._handedOut), double.IsNaN(simulation._dry) ? 0 : wall - simulation._dry);
    }

    private void Run()
    {
        while (_finished < _model.Pictures && _events.TryDequeue(out Event e, out (double Time, long Order) at))
        {
            _now = at.Time;
            if (e.Life != _silos[e.Silo].Life && e.Kind != Kind.IsMissed) continue;
            switch (e.Kind)
            {
                case Kind.Asks: Answer(e.Silo); break;
                case Kind.IsLost: Lose(e.Silo); break;
                case Kind.IsMissed: Miss(e.Life); break;
                case Kind.Returns: Begin(e.Silo, 0); break;
            }
        }
    }

    private void Begin(int silo, double after)
    {
        At(_now + after, Kind.Asks, silo);
        if (_model.Lifetime > 0) At(_now + after - Math.Log(1 - _random.NextDouble()) * _model.Lifetime, Kind.IsLost, silo);
    }

    /// <summary>The job takes a finished unit and hands the next out, as RenderPlan does, and writes what it knows.</summary>
    private void Answer(int silo)
    {
        ref Silo asking = ref _silos[silo];
        bool ended = asking.Count > 0;
        if (ended)
        {
            _finished += asking.Count;
            _units++;
            _working--;
            asking.Count = 0;
            if (_finished == _model.Pictures) return;
        }

        int count = Next();
        double service = ended || count > 0 ? _model.Service + _model.ServicePerSilo * _working : 0, answered = Math.Max(_now, _jobFree) + service;
        if (service > 0) (_jobFree, _busy) = (answered, _busy + service);
        if (count == 0)
        {
            if (double.IsNaN(_dry)) _dry = _now;
            At(answered + _model.Idle, Kind.Asks, silo);
            return;
        }

        _free -= count;
        _working++;
        double way = Math.Max(0, _model.Exchange - _model.Service);
        if (ended) (_waited, _handedOut) = (_waited + answered + way - _now, _handedOut + 1);
        (asking.Count, asking.Begun) = (count, answered + way);
        At(asking.Begun + count * _model.Picture, Kind.Asks, silo);
    }

    private int Next()
    {
        if (_free == 0) return 0;
        int wanted = (int)Math.Clamp(_model.Unit / _model.Picture, 1, _model.Pictures), fair = _free / (2 * (_working + 1));
        return Math.Clamp(Math.Min(wanted, fair), Math.Max(1, Math.Min(_model.Batch, _free)), _free);
    }

    private void Lose(int silo)
    {
        ref Silo lost = ref _silos[silo];
        _lost++;
        if (lost.Count > 0)
        {
            // What is in the store is found by who gets the unit next; the batch at hand is not.
            int drawn = Math.Clamp((int)((_now - lost.Begun) / _model.Picture), 0, lost.Count), kept = drawn / _model.Batch * _model.Batch;
            _rework += drawn - kept;
            _finished += kept;
            At(_now + _model.Detection, Kind.IsMissed, silo, lost.Count - kept);
            lost.Count = 0;
        }

        lost.Life++;
        At(_now + _model.Restart, Kind.Returns, silo);
    }

    /// <param name="pictures">Of its unit, those that are not in the store.</param>
    private void Miss(int pictures)
    {
        _free += pictures;
        _working--;
    }

    private void At(double time, Kind kind, int silo) => At(time, kind, silo, _silos[silo].Life);

    private void At(double time, Kind kind, int silo, int life) => _events.Enqueue(new(kind, silo, life), (time, _order++));
}
