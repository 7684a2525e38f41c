import Measuring
import Platform

/// One time that was taken.
public struct Sample: Hashable, Sendable {
  /// The turn, counted from 0 over all measurements in the same results.
  public let run: Int
  /// What was measured together: the folder of the family, and `cold` where inputs were dropped.
  public let group: String
  /// The scenario, or `Sample.floor`.
  public let step: String
  /// Seconds from start to end; of a floor, of two reads and the write.
  public let seconds: Double
  /// Other numbers by name: processor time, peaks, the parts of a floor.
  public let details: [String: Double]

  /// The step that reads and writes with one thread.
  public static let floor = "floor"
  /// The step that reads with a thread for each file.
  public static let threadedFloor = "floor, thread per file"

  /// The parts of a floor, in `details`.
  enum Detail {
    static let firstRead = "firstRead"
    static let secondRead = "secondRead"
    static let write = "write"
    static let user = "user"
    static let system = "system"
    static let peakResident = "peakResident"
    static let diskRead = "diskRead"
    static let diskWritten = "diskWritten"
    static let bytesMoved = "bytesMoved"
  }

  init(run: Int, group: String, step: String, seconds: Double, details: [String: Double]) {
    self.run = run
    self.group = group
    self.step = step
    self.seconds = seconds
    self.details = details
  }

  /// A command's time, with what it says of itself where it does.
  ///
  /// The system tells of no peak below that of the process that started it.
  init(
    run: Int, group: String, step: String, _ outcome: ChildProcess.Outcome,
    _ account: Workbench.Account?
  ) {
    var details = [
      Detail.user: outcome.user, Detail.system: outcome.system,
      Detail.peakResident: Double(account?.peakResident ?? outcome.peakResident),
      Detail.diskRead: Double(outcome.diskRead), Detail.diskWritten: Double(outcome.diskWritten),
    ]
    details[Detail.bytesMoved] = account.map { Double($0.bytesMoved) }
    self.init(run: run, group: group, step: step, seconds: outcome.wall, details: details)
  }

  /// Seconds of processor time, of the program and of the kernel for it.
  var processorSeconds: Double { (details[Detail.user] ?? 0) + (details[Detail.system] ?? 0) }

  /// The time divided by the bytes that were moved in it, nil where they are not known.
  var secondsPerByte: Double? { details[Detail.bytesMoved].map { seconds / $0 } }

  /// The time of a floor that reads every input so often.
  /// - Parameter reads: 1 or 2.
  /// - Returns: seconds, nil where this is no floor.
  public func floorSeconds(reads: Int) -> Double? {
    guard let first = details[Detail.firstRead], let second = details[Detail.secondRead],
      let write = details[Detail.write]
    else { return nil }
    return reads == 1 ? first + write : first + second + write
  }

  /// Reads a sample back.
  /// - Parameter json: what `json` wrote.
  /// - Throws: `BenchFailure` when something is missing.
  init(json: JSON) throws {
    guard let run = json["run"]?.integerValue, let group = json["group"]?.stringValue,
      let step = json["step"]?.stringValue, let seconds = json["seconds"]?.doubleValue
    else { throw BenchFailure("results: a sample without run, group, step or seconds") }
    let known = ["run", "group", "step", "seconds"]
    let others = json.members.filter { !known.contains($0.key) }
    let pairs = others.compactMap { member in
      member.value.doubleValue.map { (member.key, $0) }
    }
    self.init(
      run: run, group: group, step: step, seconds: seconds,
      details: Dictionary(pairs, uniquingKeysWith: { $1 }))
  }

  /// The sample for a file.
  var json: JSON {
    .object(
      [
        JSON.Member("run", .integer(run)), JSON.Member("group", .string(group)),
        JSON.Member("step", .string(step)), JSON.Member("seconds", .number(seconds)),
      ] + details.sorted { $0.key < $1.key }.map { JSON.Member($0.key, .number($0.value)) })
  }
}
