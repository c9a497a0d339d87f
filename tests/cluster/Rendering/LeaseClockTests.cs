namespace Specializer.Cluster.Tests;

/// <summary>Leases whose renewals nobody could hear.</summary>
public sealed class LeaseClockTests
{
    private static readonly TimeSpan s_lease = TimeSpan.FromSeconds(20);

    private readonly Clock _time = new();

    [Fact]
    public void After_a_silence_of_all_workers_leases_begin_anew()
    {
        var clock = new LeaseClock(_time, s_lease);
        RenderPlan plan = RenderPlan.Begin(20);
        clock.Hear(plan.RenewAll);
        UnitLease a = plan.Lease("a", 5, 1, clock.Expiry)!;
        _time.Now += s_lease * 2;

        // The silo slept: what the worker said meanwhile comes only now.
        Assert.Empty(plan.Expire(clock.Hear(plan.RenewAll)));
        Assert.True(plan.Renew(a.Id, clock.Expiry));
    }

    [Fact]
    public void While_some_worker_is_heard_of_the_leases_of_others_lapse()
    {
        var clock = new LeaseClock(_time, s_lease);
        RenderPlan plan = RenderPlan.Begin(20);
        clock.Hear(plan.RenewAll);
        UnitLease a = plan.Lease("a", 5, 1, clock.Expiry)!, b = plan.Lease("b", 5, 1, clock.Expiry)!;
        for (int i = 0; i < 4; i++)
        {
            _time.Now += s_lease / 4;
            clock.Hear(plan.RenewAll);
            Assert.True(plan.Renew(b.Id, clock.Expiry));
        }

        Assert.Equal(a.Id, Assert.Single(plan.Expire(clock.Hear(plan.RenewAll))).Id);
        Assert.False(clock.IsSilent);
        _time.Now += s_lease;
        Assert.True(clock.IsSilent);
    }

    /// <summary>The lease of a worker that is gone would otherwise last as long as the clock has jumped.</summary>
    [Fact]
    public void Where_the_clock_was_put_back_a_lease_is_no_longer_than_another()
    {
        var clock = new LeaseClock(_time, s_lease);
        RenderPlan plan = RenderPlan.Begin(20);
        clock.Hear(plan.RenewAll);
        UnitLease gone = plan.Lease("gone", 5, 1, clock.Expiry)!;
        _time.Now -= TimeSpan.FromDays(400);
        Assert.Empty(plan.Expire(clock.Hear(plan.RenewAll)));
        for (int i = 0; i < 2; i++)
        {
            _time.Now += s_lease / 2;
            clock.Hear(plan.RenewAll);
        }

        Assert.Equal(gone.Id, Assert.Single(plan.Expire(clock.Hear(plan.RenewAll))).Id);
    }

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
