import Measuring
public import Platform

/// All that a suite measured, in memory and as a file that later runs can add to.
public struct Results: Sendable {
  /// The shape of the families that name none.
  public let shape: String
  /// The machine and the programs, as they were when the last run was added.
  public var setting: JSON
  /// All times.
  public private(set) var samples: [Sample]

  /// Begins empty results.
  /// - Parameters:
  ///   - shape: the shape of the families that name none.
  ///   - setting: the machine and the programs.
  public init(shape: String, setting: JSON) {
    self.shape = shape
    self.setting = setting
    samples = []
  }

  /// Reads results back.
  /// - Parameter json: what `json` wrote.
  /// - Throws: `BenchFailure` when it is something else.
  public init(json: JSON) throws {
    guard json["version"]?.integerValue == 1, let shape = json["shape"]?.stringValue,
      let setting = json["setting"]
    else { throw BenchFailure("no results of 'bench run', version 1") }
    self.shape = shape
    self.setting = setting
    samples = try (json["samples"]?.items ?? []).map(Sample.init(json:))
  }

  /// Adds a time.
  /// - Parameter sample: the time.
  public mutating func add(_ sample: Sample) { samples.append(sample) }

  /// The number of the next turn of a group.
  /// - Parameter group: its name.
  /// - Returns: 0 for a group that was never measured.
  public func nextRun(of group: String) -> Int {
    (samples.filter { $0.group == group }.map(\.run).max() ?? -1) + 1
  }

  /// How many turns a step has.
  /// - Parameters:
  ///   - step: its name.
  ///   - group: its group.
  /// - Returns: the number of its samples.
  public func runs(of step: String, in group: String) -> Int { select(step, group).count }

  /// The median time of a step.
  /// - Parameters:
  ///   - step: its name.
  ///   - group: its group.
  /// - Returns: seconds, nil where it was not measured.
  public func seconds(of step: String, in group: String) -> Double? {
    median(select(step, group).map(\.seconds))
  }

  /// The median time of a floor.
  /// - Parameters:
  ///   - reads: how often it reads every input.
  ///   - step: which floor.
  ///   - group: its group.
  /// - Returns: seconds, nil where it was not measured.
  public func floorSeconds(
    reads: Int, step: String = Sample.floor, in group: String
  ) -> Double? {
    median(select(step, group).compactMap { $0.floorSeconds(reads: reads) })
  }

  /// The largest of a step's other numbers.
  /// - Parameters:
  ///   - detail: the number's name, such as `peakResident`.
  ///   - step: the step's name.
  ///   - group: its group.
  /// - Returns: the number, nil where it was not measured.
  public func largest(_ detail: String, of step: String, in group: String) -> Double? {
    select(step, group).compactMap { $0.details[detail] }.max()
  }

  /// The median over the runs of a step's time divided by that of another in the same run.
  /// - Parameters:
  ///   - step: the step.
  ///   - other: what it is divided by.
  ///   - perByte: whether both times are divided by the bytes that were moved in them.
  ///   - group: the group of both.
  /// - Returns: the ratio, nil where no run has both.
  public func ratio(
    of step: String, to other: String, perByte: Bool = false, in group: String
  ) -> Double? {
    func time(_ sample: Sample) -> Double? { perByte ? sample.secondsPerByte : sample.seconds }
    let others = byRun(other, group)
    return median(
      select(step, group).compactMap { sample in
        guard let own = time(sample), let other = others[sample.run].flatMap(time) else {
          return nil
        }
        return own / other
      })
  }

  /// The median over the runs of a step's time divided by a floor's in the same run.
  /// - Parameters:
  ///   - step: the step.
  ///   - floor: which floor.
  ///   - reads: how often the floor reads every input.
  ///   - group: the group of both.
  /// - Returns: the ratio, nil where no run has both.
  public func ratio(
    of step: String, toFloor floor: String = Sample.floor, reads: Int, in group: String
  ) -> Double? {
    let floors = byRun(floor, group)
    return median(
      select(step, group).compactMap { sample in
        floors[sample.run]?.floorSeconds(reads: reads).map { sample.seconds / $0 }
      })
  }

  /// Everything, for a file.
  public var json: JSON {
    .object([
      JSON.Member("version", .integer(1)), JSON.Member("shape", .string(shape)),
      JSON.Member("setting", setting), JSON.Member("samples", .array(samples.map(\.json))),
    ])
  }

  private func select(_ step: String, _ group: String) -> [Sample] {
    samples.filter { $0.step == step && $0.group == group }
  }

  private func byRun(_ step: String, _ group: String) -> [Int: Sample] {
    Dictionary(select(step, group).map { ($0.run, $0) }, uniquingKeysWith: { $1 })
  }
}
