import Measuring
import Platform

/// One thing that is timed.
struct SpeedStep {
  let name: String
  let measure: () throws -> SpeedSample
}

/// One time that was taken.
struct SpeedSample {
  let seconds: Double
  /// What else is known, for the record.
  let details: [JSON.Member]
  /// What a child process used, nil for steps inside this process.
  let child: ChildProcess.Outcome?

  init(seconds: Double, details: [JSON.Member]) {
    self.seconds = seconds
    self.details = details
    child = nil
  }

  init(_ outcome: ChildProcess.Outcome) {
    seconds = outcome.wall
    child = outcome
    details = [
      JSON.Member("user", .number(outcome.user)), JSON.Member("system", .number(outcome.system)),
      JSON.Member("peakResident", .integer(outcome.peakResident)),
    ]
  }
}

/// All times of a measurement, step by step and run by run.
struct SpeedRecord {
  static let floorOneThread = "floor, one thread"
  static let floorThreadPerFile = "floor, thread per file"
  static let floorDropping = "floor, thread per file, dropping"
  static let cat = "cat"
  static let merge = "sluice merge"

  private let steps: [String]
  /// For each step, the samples in the order of the runs.
  private var samples: [[SpeedSample]]
  private var raw: [JSON] = []

  init(steps: [String]) {
    self.steps = steps
    samples = steps.map { _ in [] }
  }

  mutating func add(_ sample: SpeedSample, step: Int, run: Int, residentBefore: Double) {
    samples[step].append(sample)
    raw.append(
      .object(
        [
          JSON.Member("run", .integer(run)), JSON.Member("step", .string(steps[step])),
          JSON.Member("seconds", .number(sample.seconds)),
          JSON.Member("residentBefore", .number(residentBefore)),
        ] + sample.details))
  }

  /// What a step's time is divided by in the table.
  private var yardsticks: [Int] {
    steps.indices.filter { steps[$0] != SpeedRecord.merge }
  }

  /// The median over the runs of time of `step` / time of `other` in the same run.
  private func ratio(_ step: Int, to other: Int) -> Double? {
    median(zip(samples[step], samples[other]).map { $0.seconds / $1.seconds })
  }

  /// The medians for people.
  var table: String {
    var table = TextTable(
      ["step", "median s", "min", "max", "user s", "sys s", "peak MiB"]
        + yardsticks.map { "x " + steps[$0] })
    for step in steps.indices {
      let times = samples[step].map(\.seconds)
      let children = samples[step].compactMap(\.child)
      table.add(
        [
          steps[step], (median(times) ?? .nan).fixed(3), (times.min() ?? .nan).fixed(3),
          (times.max() ?? .nan).fixed(3), (median(children.map(\.user)) ?? .nan).fixed(2),
          (median(children.map(\.system)) ?? .nan).fixed(2),
          children.map(\.peakResident).max().map(mebibytes) ?? "-",
        ] + yardsticks.map { (ratio(step, to: $0) ?? .nan).fixed(2) })
    }
    return table.text
  }

  /// Everything, for a file.
  func json(machine: JSON, setting: JSON) -> JSON {
    let medians = steps.indices.map { step in
      JSON.Member(steps[step], .number(median(samples[step].map(\.seconds)) ?? .nan))
    }
    let ratios = steps.indices.map { step in
      JSON.Member(
        steps[step],
        .object(
          yardsticks.map { JSON.Member(steps[$0], .number(ratio(step, to: $0) ?? .nan)) }))
    }
    return .object([
      JSON.Member("version", .integer(1)), JSON.Member("machine", machine),
      JSON.Member("setting", setting), JSON.Member("medianSeconds", .object(medians)),
      JSON.Member("medianRatios", .object(ratios)), JSON.Member("samples", .array(raw)),
    ])
  }
}
