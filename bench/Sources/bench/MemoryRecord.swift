import Measuring
import Platform

/// One merge whose memory was measured.
struct MemoryRun {
  let family: String
  let budget: ByteSize
  let limit: Int?
  let outcome: ChildProcess.Outcome
  /// `totals.peakMemory` of the merge's own report, nil where there is none.
  let reported: Int?
  let group: MemoryGroup.Usage?
  /// The end of what a failed merge said.
  let messages: String

  /// Whether the merge succeeded inside its budget.
  func isWithin(allowance: Int) -> Bool {
    outcome.succeeded && outcome.peakResident <= budget.bytes + allowance
  }
}

/// All merges of a measurement.
struct MemoryRecord {
  private let hasLimit: Bool
  private(set) var runs: [MemoryRun] = []

  init(hasLimit: Bool) {
    self.hasLimit = hasLimit
  }

  mutating func add(_ run: MemoryRun) {
    runs.append(run)
  }

  /// The runs for people; sizes in MiB.
  var table: String {
    var head = [
      "family", "--memory", "ended", "seconds", "peak", "of budget", "anonymous", "mapped",
      "reported",
    ]
    if hasLimit { head += ["group peak", "limit hits", "kills"] }
    var table = TextTable(head)
    for run in runs {
      var row = [
        run.family, run.budget.text, run.outcome.ending, run.outcome.wall.fixed(2),
        mebibytes(run.outcome.peakResident),
        (Double(run.outcome.peakResident) / Double(run.budget.bytes)).fixed(2),
        mebibytes(run.outcome.sampled.anonymous), mebibytes(run.outcome.sampled.file),
        run.reported.map(mebibytes) ?? "-",
      ]
      if hasLimit {
        row += [
          run.group.map { mebibytes($0.peak) } ?? "-", run.group.map { "\($0.limitHits)" } ?? "-",
          run.group?.kills.map { "\($0)" } ?? "-",
        ]
      }
      table.add(row)
    }
    return table.text
  }

  /// Everything, for a file; sizes in bytes.
  func json(machine: JSON, smallestVisiblePeak: Int) -> JSON {
    func optional(_ value: Int?) -> JSON { value.map { .integer($0) } ?? .null }
    let rows = runs.map { run in
      JSON.object([
        JSON.Member("family", .string(run.family)),
        JSON.Member("memory", .integer(run.budget.bytes)),
        JSON.Member("limit", optional(run.limit)),
        JSON.Member("ended", .string(run.outcome.ending)),
        JSON.Member("seconds", .number(run.outcome.wall)),
        JSON.Member("peakResident", .integer(run.outcome.peakResident)),
        JSON.Member("sampledAnonymous", .integer(run.outcome.sampled.anonymous)),
        JSON.Member("sampledMapped", .integer(run.outcome.sampled.file)),
        JSON.Member("reportedPeak", optional(run.reported)),
        JSON.Member("groupPeak", optional(run.group?.peak)),
        JSON.Member("groupLimitHits", optional(run.group?.limitHits)),
        JSON.Member("groupKills", optional(run.group?.kills)),
      ])
    }
    return .object([
      JSON.Member("version", .integer(1)), JSON.Member("machine", machine),
      JSON.Member("smallestVisiblePeak", .integer(smallestVisiblePeak)),
      JSON.Member("runs", .array(rows)),
    ])
  }
}
