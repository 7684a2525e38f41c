import Measuring
import Platform

/// One merge.
struct SpillSample {
  let seconds: Double
  let processorSeconds: Double
  let peakResident: Int
  /// What the merge counted.
  let bytesRead: Int
  let bytesWritten: Int
  /// What the system counted: bytes from and to disks.
  let diskRead: Int
  let diskWritten: Int

  init(_ outcome: ChildProcess.Outcome, totals: JSON?) {
    seconds = outcome.wall
    processorSeconds = outcome.user + outcome.system
    peakResident = outcome.peakResident
    bytesRead = totals?["bytesRead"]?.integerValue ?? 0
    bytesWritten = totals?["bytesWritten"]?.integerValue ?? 0
    diskRead = outcome.diskRead
    diskWritten = outcome.diskWritten
  }
}

/// All merges, step by step and run by run.
struct SpillRecord {
  private let steps: [String]
  private var samples: [[SpillSample]]
  private var floors: [[Double]]
  private var raw: [JSON] = []

  init(steps: [String]) {
    self.steps = steps
    samples = steps.map { _ in [] }
    floors = steps.map { _ in [] }
  }

  mutating func add(_ sample: SpillSample, floorSeconds: Double, step: Int, run: Int) {
    samples[step].append(sample)
    floors[step].append(floorSeconds)
    raw.append(
      .object([
        JSON.Member("run", .integer(run)), JSON.Member("step", .string(steps[step])),
        JSON.Member("seconds", .number(sample.seconds)),
        JSON.Member("floorSeconds", .number(floorSeconds)),
        JSON.Member("processorSeconds", .number(sample.processorSeconds)),
        JSON.Member("peakResident", .integer(sample.peakResident)),
        JSON.Member("bytesRead", .integer(sample.bytesRead)),
        JSON.Member("bytesWritten", .integer(sample.bytesWritten)),
        JSON.Member("diskRead", .integer(sample.diskRead)),
        JSON.Member("diskWritten", .integer(sample.diskWritten)),
      ]))
  }

  /// The medians; ratios are taken run by run against one of the steps, and against a floor that was measured beside each merge.
  func table(against yardstick: Int) -> String {
    var table = TextTable([
      "step", "median s", "x \(steps[yardstick])", "floor s", "x own floor", "processor s",
      "peak MiB", "read GB", "from disk", "written GB", "to disk",
    ])
    func gigabytes(_ values: [Int]) -> String {
      (median(values.map { Double($0) / 1e9 }) ?? .nan).fixed(2)
    }
    for step in steps.indices {
      let all = samples[step]
      let ratios = zip(all, samples[yardstick]).map { $0.seconds / $1.seconds }
      table.add([
        steps[step], (median(all.map(\.seconds)) ?? .nan).fixed(2),
        (median(ratios) ?? .nan).fixed(2), (median(floors[step]) ?? .nan).fixed(2),
        (median(zip(all, floors[step]).map { $0.seconds / $1 }) ?? .nan).fixed(2),
        (median(all.map(\.processorSeconds)) ?? .nan).fixed(2),
        mebibytes(all.map(\.peakResident).max() ?? 0), gigabytes(all.map(\.bytesRead)),
        gigabytes(all.map(\.diskRead)), gigabytes(all.map(\.bytesWritten)),
        gigabytes(all.map(\.diskWritten)),
      ])
    }
    return table.text
  }

  func json(machine: JSON) -> JSON {
    .object([
      JSON.Member("version", .integer(1)), JSON.Member("machine", machine),
      JSON.Member("samples", .array(raw)),
    ])
  }
}
