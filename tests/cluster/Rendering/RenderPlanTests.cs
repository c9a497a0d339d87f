namespace Specializer.Cluster.Tests;

/// <summary>What is handed out, taken back and finished.</summary>
public sealed class RenderPlanTests
{
    private static readonly DateTimeOffset s_now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Units_cover_the_job_once_and_become_smaller_towards_its_end()
    {
        RenderPlan plan = RenderPlan.Begin(100);
        var units = new List<PictureRange>();
        while (plan.Lease("a", pictures: 30, batch: 4, s_now) is { } lease)
        {
            units.Add(lease.Unit);
            Assert.True(plan.Finish(lease.Id, lease.Unit.Count, 0));
        }

        Assert.Equal(Enumerable.Range(0, 100), units.SelectMany(u => Enumerable.Range(u.First, u.Count)));
        Assert.Equal(30, units[0].Count);
        Assert.InRange(units[^1].Count, 1, 4);
        Assert.Equal((RenderStatus.Finishing, 100, 100L, units.Count), (plan.Status, plan.FinishedPictures, plan.Drawn, plan.Units));
        // However many units there were, the state does not grow with them.
        Assert.Equal(new PictureRange(0, 100), Assert.Single(plan.Finished));
    }

    [Fact]
    public void A_worker_that_asks_again_gets_the_unit_that_it_has()
    {
        RenderPlan plan = RenderPlan.Begin(100);
        UnitLease first = plan.Lease("a", 10, 4, s_now)!, again = plan.Lease("a", 20, 4, s_now.AddSeconds(1))!, other = plan.Lease("b", 10, 4, s_now)!;

        Assert.Equal((first.Id, first.Unit), (again.Id, again.Unit));
        Assert.NotEqual(first.Unit, other.Unit);
        Assert.Equal(2, plan.Leases.Count);
    }

    [Fact]
    public void What_is_not_renewed_is_handed_out_again_and_comes_too_late()
    {
        RenderPlan plan = RenderPlan.Begin(20);
        UnitLease a = plan.Lease("a", 5, 1, s_now.AddSeconds(4))!, b = plan.Lease("b", 5, 1, s_now.AddSeconds(4))!;
        Assert.True(plan.Renew(b.Id, s_now.AddSeconds(8)));

        Assert.Equal(a.Id, Assert.Single(plan.Expire(s_now.AddSeconds(5))).Id);

        Assert.Equal(new ReissuedUnits(Lost: 0, Lapsed: 1, Failed: 0, Stopped: 0), plan.Reissued);
        Assert.False(plan.Renew(a.Id, s_now.AddSeconds(9)));
        Assert.False(plan.Finish(a.Id, 5, 0));
        Assert.Equal(a.Unit.First, plan.Lease("c", 5, 1, s_now.AddSeconds(9))!.Unit.First);
        Assert.True(plan.Finish(b.Id, 5, 0));
        Assert.Equal(b.Unit.Count, plan.FinishedPictures);
    }

    [Fact]
    public void What_comes_back_joins_its_neighbours()
    {
        RenderPlan plan = RenderPlan.Begin(40);
        UnitLease[] leases = [.. Enumerable.Range(0, 3).Select(i => plan.Lease($"{i}", 5, 1, s_now)!)];

        foreach (int i in new[] { 1, 0, 2 }) plan.Return(leases[i].Id, null);

        Assert.Equal(new PictureRange(0, 40), Assert.Single(plan.Free));
        Assert.Equal((0, RenderStatus.Running), (plan.Failures, plan.Status));
        Assert.Equal(new ReissuedUnits(Lost: 0, Lapsed: 0, Failed: 0, Stopped: 3), plan.Reissued);
    }

    [Fact]
    public void What_a_lost_worker_had_is_handed_out_before_its_lease_ends()
    {
        RenderPlan plan = RenderPlan.Begin(20);
        UnitLease a = plan.Lease("a", 5, 1, s_now.AddSeconds(20))!, b = plan.Lease("b", 5, 1, s_now.AddSeconds(20))!;

        Assert.Equal(a, Assert.Single(plan.Expire(s_now, worker => worker == "a")));
        Assert.Empty(plan.Expire(s_now, worker => worker == "a"));

        Assert.Equal(new ReissuedUnits(Lost: 1, Lapsed: 0, Failed: 0, Stopped: 0), plan.Reissued);
        Assert.False(plan.Finish(a.Id, 5, 0));
        Assert.True(plan.Finish(b.Id, 5, 0));
        Assert.Equal(a.Unit.First, plan.Lease("b", 5, 1, s_now)!.Unit.First);
    }

    /// <summary>A silo that was found dead and wakes up has the job's former activation and its own view of who lives: it would hand itself units that are taken back, one after the other.</summary>
    [Fact]
    public void A_worker_that_was_found_lost_gets_nothing_more_whoever_asks_the_plan()
    {
        RenderPlan plan = RenderPlan.Begin(20);
        plan.Lease("a", 5, 1, s_now.AddSeconds(20));
        Assert.Single(plan.Expire(s_now, worker => worker == "a"));

        Assert.Null(plan.Lease("a", 5, 1, s_now.AddSeconds(20)));
        Assert.NotNull(plan.Lease("b", 5, 1, s_now.AddSeconds(20)));
        Assert.Equal(new ReissuedUnits(Lost: 1, Lapsed: 0, Failed: 0, Stopped: 0), plan.Reissued);
    }

    [Fact]
    public void Of_lost_workers_only_the_latest_names_are_kept()
    {
        RenderPlan plan = RenderPlan.Begin(1000);
        for (int i = 0; i < 300; i++)
        {
            Assert.NotNull(plan.Lease($"{i}", 1, 1, s_now.AddSeconds(20)));
            plan.Expire(s_now, _ => true);
        }

        Assert.Equal(Enumerable.Range(200, 100).Select(i => $"{i}"), plan.Lost);
    }

    [Fact]
    public void A_job_whose_units_keep_failing_fails_with_the_reason()
    {
        RenderPlan plan = RenderPlan.Begin(40);
        for (int i = 0; i < 5; i++)
        {
            Assert.Equal(RenderStatus.Running, plan.Status);
            plan.Return(plan.Lease("a", 5, 1, s_now)!.Id, "no such label");
        }

        Assert.Equal((RenderStatus.Failed, "no such label"), (plan.Status, plan.Error));
        Assert.Equal(new ReissuedUnits(Lost: 0, Lapsed: 0, Failed: 5, Stopped: 0), plan.Reissued);
        Assert.Null(plan.Lease("a", 5, 1, s_now));
    }

    [Fact]
    public void A_cancelled_job_lets_no_worker_go_on()
    {
        RenderPlan plan = RenderPlan.Begin(40);
        UnitLease lease = plan.Lease("a", 5, 1, s_now)!;

        plan.Cancel();

        Assert.False(plan.Renew(lease.Id, s_now.AddSeconds(5)));
        Assert.Null(plan.Lease("b", 5, 1, s_now));
        Assert.False(plan.Finish(lease.Id, 5, 0));
    }
}
