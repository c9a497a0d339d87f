using Npgsql;

namespace Specializer.Cluster;

/// <summary>The tables of a cluster in a PostgreSQL database, and the queries by which Orleans' providers use them: they look up each by its key in the table OrleansQuery.</summary>
public static class PostgreSqlSchema
{
    private const string Tables = """
        CREATE TABLE IF NOT EXISTS OrleansQuery (QueryKey text PRIMARY KEY, QueryText text NOT NULL);
        CREATE TABLE IF NOT EXISTS specializer_cluster (id text PRIMARY KEY, version int NOT NULL);
        CREATE TABLE IF NOT EXISTS specializer_silo (
            cluster text NOT NULL REFERENCES specializer_cluster, address text NOT NULL, port int NOT NULL, generation int NOT NULL, name text NOT NULL, host text NOT NULL,
            status int NOT NULL, gateway_port int NOT NULL, suspect_times text, start_time timestamptz NOT NULL, alive_time timestamptz NOT NULL,
            PRIMARY KEY (cluster, address, port, generation));
        CREATE TABLE IF NOT EXISTS specializer_grain (
            id_hash int NOT NULL, n0 bigint NOT NULL, n1 bigint NOT NULL, type_hash int NOT NULL, type text NOT NULL, extension text NOT NULL, service text NOT NULL,
            payload bytea, version int NOT NULL,
            PRIMARY KEY (id_hash, n0, n1, type_hash, type, extension, service));
        """;

    private const string Silos = """
        SELECT c.version AS Version, s.address AS Address, s.port AS Port, s.generation AS Generation, s.name AS SiloName, s.host AS HostName, s.status AS Status,
            s.gateway_port AS ProxyPort, s.suspect_times AS SuspectTimes, s.start_time AS StartTime, s.alive_time AS IAmAliveTime
        FROM specializer_cluster c LEFT JOIN specializer_silo s ON s.cluster = c.id
        """;

    private const string ThisSilo = "cluster = @DeploymentId AND address = @Address AND port = @Port AND generation = @Generation";

    private const string ThisGrain =
        "id_hash = @GrainIdHash AND n0 = @GrainIdN0 AND n1 = @GrainIdN1 AND type_hash = @GrainTypeHash AND type = @GrainTypeString AND extension = coalesce(@GrainIdExtensionString, '') AND service = @ServiceId";

    /// <summary>The list of silos changes only where nobody changed it meanwhile.</summary>
    private const string NextVersion = "UPDATE specializer_cluster SET version = version + 1 WHERE id = @DeploymentId AND version = @Version";

    private static readonly (string Key, string Text)[] s_queries =
    [
        ("GatewaysQueryKey", "SELECT address AS Address, gateway_port AS ProxyPort, generation AS Generation FROM specializer_silo WHERE cluster = @DeploymentId AND status = @Status AND gateway_port > 0"),
        ("MembershipReadRowKey", $"{Silos} AND s.address = @Address AND s.port = @Port AND s.generation = @Generation WHERE c.id = @DeploymentId"),
        ("MembershipReadAllKey", $"{Silos} WHERE c.id = @DeploymentId"),
        ("InsertMembershipVersionKey", "WITH added AS (INSERT INTO specializer_cluster VALUES (@DeploymentId, 0) ON CONFLICT DO NOTHING RETURNING 1) SELECT count(*)::int FROM added"),
        ("InsertMembershipKey", $"""
            WITH next AS ({NextVersion} AND NOT EXISTS (SELECT FROM specializer_silo WHERE {ThisSilo}) RETURNING id),
            added AS (INSERT INTO specializer_silo SELECT id, @Address, @Port, @Generation, @SiloName, @HostName, @Status, @ProxyPort, NULL, @StartTime, @IAmAliveTime FROM next RETURNING 1)
            SELECT count(*)::int FROM added
            """),
        ("UpdateMembershipKey", $"""
            WITH next AS ({NextVersion} AND EXISTS (SELECT FROM specializer_silo WHERE {ThisSilo}) RETURNING id),
            changed AS (UPDATE specializer_silo SET status = @Status, suspect_times = @SuspectTimes, alive_time = @IAmAliveTime FROM next WHERE {ThisSilo} RETURNING 1)
            SELECT count(*)::int FROM changed
            """),
        ("UpdateIAmAlivetimeKey", $"UPDATE specializer_silo SET alive_time = @IAmAliveTime WHERE {ThisSilo}"),
        ("DeleteMembershipTableEntriesKey", "WITH silos AS (DELETE FROM specializer_silo WHERE cluster = @DeploymentId) DELETE FROM specializer_cluster WHERE id = @DeploymentId"),
        // 3: active.
        ("CleanupDefunctSiloEntriesKey", "DELETE FROM specializer_silo WHERE cluster = @DeploymentId AND alive_time < @IAmAliveTime AND status <> 3"),
        ("ReadFromStorageKey", $"SELECT payload AS PayloadBinary, version AS Version FROM specializer_grain WHERE {ThisGrain}"),
        ("WriteToStorageKey", Changed("payload = @PayloadBinary", """
            INSERT INTO specializer_grain
            SELECT @GrainIdHash, @GrainIdN0, @GrainIdN1, @GrainTypeHash, @GrainTypeString, coalesce(@GrainIdExtensionString, ''), @ServiceId, @PayloadBinary, 1
            WHERE @GrainStateVersion IS NULL ON CONFLICT DO NOTHING RETURNING version
            """)),
        ("ClearStorageKey", Changed("payload = NULL", "SELECT version FROM specializer_grain WHERE false")),
    ];

    /// <summary>Creates tables and queries; those that are there stay, with what they hold.</summary>
    /// <param name="connectionString">The database.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="NpgsqlException">The database does not answer, or refuses.</exception>
    /// <exception cref="InvalidOperationException">The database has the queries of another Orleans cluster.</exception>
    public static async Task CreateAsync(string connectionString, CancellationToken cancellationToken = default)
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(connectionString);
        await using NpgsqlConnection connection = await source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
        // Several silos may begin at once, and PostgreSQL's IF NOT EXISTS does not wait for another's transaction.
        await Execute("SELECT pg_advisory_xact_lock(hashtext('specializer_cluster'))").ConfigureAwait(false);
        await Execute(Tables).ConfigureAwait(false);
        await using (var foreign = new NpgsqlCommand("SELECT QueryKey FROM OrleansQuery WHERE QueryText NOT LIKE '%specializer\\_%' LIMIT 1", connection, transaction))
        {
            if (await foreign.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false) is string key)
                throw new InvalidOperationException($"The database has queries of another Orleans cluster in its table OrleansQuery, '{key}' among them. Use a database, or a search_path, of its own.");
        }

        foreach ((string key, string text) in s_queries)
            await Execute("INSERT INTO OrleansQuery VALUES ($1, $2) ON CONFLICT (QueryKey) DO UPDATE SET QueryText = excluded.QueryText", key, text).ConfigureAwait(false);
        await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);

        async Task Execute(string sql, params string[] values)
        {
            await using var command = new NpgsqlCommand(sql, connection, transaction);
            foreach (string value in values) command.Parameters.Add(new() { Value = value });
            await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>A write of a grain's state. Where another has written meanwhile it gives the version back that it was told, which Orleans takes for a conflict.</summary>
    private static string Changed(string set, string otherwise) => $"""
        WITH changed AS (UPDATE specializer_grain SET {set}, version = version + 1 WHERE {ThisGrain} AND version = @GrainStateVersion RETURNING version),
        added AS ({otherwise}),
        written AS (SELECT version FROM changed UNION ALL SELECT version FROM added)
        SELECT version AS NewGrainStateVersion FROM written UNION ALL SELECT @GrainStateVersion WHERE NOT EXISTS (SELECT FROM written)
        """;
}
